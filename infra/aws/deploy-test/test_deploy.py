"""Deploys the templates to moto and asks each service what it has.

    npm run synth && python -m unittest discover -s deploy-test

CloudFormation makes what moto's knows, `by_hand` the rest. Two kinds of ElastiCache nobody makes (ONLY_IN_TEMPLATE), and moto runs nothing: whether a node starts,
a failover works or an alarm rings cannot be seen here.
"""

import json
import unittest

from account import Account, counts
from by_hand import BY_HAND, ONLY_IN_TEMPLATE

STACK = "CollabCanvas-prod"
FIRST, SECOND = "0.1.0", "0.2.0"

account = None


def setUpModule():
    global account
    account = Account()


def tearDownModule():
    account.close()


def parameters(certificate, **others):
    given = {
        "Version": FIRST,
        "CertificateArn": certificate,
        "AllowedOrigins": "https://app.example.com",
        "TokenAudience": "canvas",
        "TokenIssuer": "https://id.example.com",
        "AlarmEmail": "operators@example.com",
    }
    return {**given, **others}


def container(name):
    """A container of the task definition that the service runs."""
    ecs = account.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    (service,) = ecs.list_services(cluster=cluster)["serviceArns"]
    running = ecs.describe_services(cluster=cluster, services=[service])["services"][0]["taskDefinition"]
    task = ecs.describe_task_definition(taskDefinition=running)["taskDefinition"]
    return next(found for found in task["containerDefinitions"] if found["name"] == name)


class Deployed(unittest.TestCase):
    """The stack of production, deployed once."""

    @classmethod
    def setUpClass(cls):
        account.reset()
        account.deploy("CollabCanvas-registry")
        cls.certificate = account.certificate()
        cls.outputs = account.deploy(STACK, **parameters(cls.certificate))
        cls.ids = {}
        for kind, physical in account.resources(STACK).values():
            cls.ids.setdefault(kind, []).append(physical)

    def only(self, kind):
        (found,) = self.ids[kind]
        return found

    def variable(self, name):
        return next(found["value"] for found in container("node")["environment"] if found["name"] == name)

    def test_all_that_the_template_has_is_there(self):
        for kind, count in counts(STACK).items():
            if kind not in BY_HAND | ONLY_IN_TEMPLATE:
                self.assertEqual(len(self.ids.get(kind, [])), count, kind)

    def test_the_network_has_three_layers_in_two_zones(self):
        ec2 = account.client("ec2")
        of_vpc = [{"Name": "vpc-id", "Values": [self.only("AWS::EC2::VPC")]}]
        subnets = ec2.describe_subnets(Filters=of_vpc)["Subnets"]
        self.assertEqual(len(subnets), 6)
        self.assertEqual(len({subnet["AvailabilityZone"] for subnet in subnets}), 2)
        endpoints = ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"]
        self.assertEqual({endpoint["ServiceName"].rsplit(".", 1)[1] for endpoint in endpoints}, {"dynamodb", "s3"})

    def test_only_the_balancer_is_open_to_the_world(self):
        groups = account.client("ec2").describe_security_groups(GroupIds=self.ids["AWS::EC2::SecurityGroup"])["SecurityGroups"]
        open_ports = [
            (group["Description"], rule["FromPort"])
            for group in groups
            for rule in group["IpPermissions"]
            if any(block["CidrIp"] == "0.0.0.0/0" for block in rule["IpRanges"])
        ]
        self.assertEqual(open_ports, [("CollabCanvas: the load balancer", 443)])

    def test_the_balancer_suits_websockets(self):
        elb = account.client("elbv2")
        arn = self.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
        (balancer,) = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        self.assertEqual(balancer["DNSName"], self.outputs["Address"])
        found = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        attributes = {attribute["Key"]: attribute["Value"] for attribute in found}
        self.assertEqual(attributes["idle_timeout.timeout_seconds"], "60")
        (listener,) = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        self.assertEqual((listener["Port"], listener["Protocol"]), (443, "HTTPS"))
        self.assertEqual([one["CertificateArn"] for one in listener["Certificates"]], [self.certificate])

    def test_the_balancer_asks_the_admin_port(self):
        elb = account.client("elbv2")
        (targets,) = elb.describe_target_groups()["TargetGroups"]
        self.assertEqual((targets["Port"], targets["HealthCheckPort"], targets["HealthCheckPath"]), (8080, "9464", "/readyz"))
        found = elb.describe_target_group_attributes(TargetGroupArn=targets["TargetGroupArn"])["Attributes"]
        self.assertIn({"Key": "deregistration_delay.timeout_seconds", "Value": "60"}, found)

    def test_the_table_takes_what_nodes_write(self):
        dynamodb, name = account.client("dynamodb"), self.outputs["TableName"]
        table = dynamodb.describe_table(TableName=name)["Table"]
        self.assertEqual(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        self.assertTrue(table["DeletionProtectionEnabled"])
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        self.assertEqual(backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"], "ENABLED")
        expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        self.assertEqual((expiry["TimeToLiveStatus"], expiry["AttributeName"]), ("ENABLED", "expires"))
        item = {"pk": {"S": "log#board"}, "sk": {"S": "00000000000000000001"}, "body": {"B": b"\x00"}}
        dynamodb.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(pk)")
        self.assertEqual(dynamodb.get_item(TableName=name, Key={"pk": item["pk"], "sk": item["sk"]})["Item"], item)

    def test_nodes_use_it(self):
        self.assertEqual(self.variable("COLLAB_DURABLE_URL"), f"dynamodb://{self.outputs['TableName']}?region=us-east-1")
        self.assertEqual(self.variable("COLLAB_ALLOWED_ORIGINS"), "https://app.example.com")

    def test_secrets_are_made_and_named_to_nodes(self):
        values = {secret["name"]: account.secret(secret["valueFrom"]) for secret in container("node")["secrets"]}
        made = "([A-Za-z0-9]{64})"
        self.assertEqual(set(values), {"COLLAB_ADMIN_TOKEN", "COLLAB_API_KEYS", "COLLAB_AUTH_KEYS", "COLLAB_REDIS_URL"})
        self.assertRegex(values["COLLAB_ADMIN_TOKEN"], f"^{made}$")
        self.assertRegex(values["COLLAB_API_KEYS"], f"^{made}$")
        self.assertEqual(values["COLLAB_AUTH_KEYS"], f"k1=secret:{account.secret(self.outputs['SigningSecret'])}")
        self.assertRegex(values["COLLAB_REDIS_URL"], rf"^rediss://collabcanvas:{made}@\w+\.PrimaryEndPoint\.Address:6379$")

    def test_redis_is_safe_and_has_two_users(self):
        elasticache = account.client("elasticache")
        (group,) = elasticache.describe_replication_groups()["ReplicationGroups"]
        self.assertEqual((group["MultiAZ"], group["AutomaticFailover"]), ("enabled", "enabled"))
        self.assertTrue(group["TransitEncryptionEnabled"] and group["AtRestEncryptionEnabled"])
        users = {user["UserName"]: user["AccessString"] for user in elasticache.describe_users()["Users"] if user["UserId"] != "default"}
        self.assertEqual(users.keys(), {"collabcanvas", "default"})
        self.assertTrue(users["collabcanvas"].startswith("on ~collab:* &collab:* -@all "))
        self.assertEqual(users["default"], "off ~collab:* -@all")
        (subnets,) = [one for one in elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"] if one["CacheSubnetGroupName"] != "default"]
        self.assertEqual(len(subnets["Subnets"]), 2)

    def test_there_are_more_nodes_when_they_are_busy_or_crowded(self):
        scaling = account.client("application-autoscaling")
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        self.assertEqual((target["MinCapacity"], target["MaxCapacity"]), (2, 8))
        policies = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
        values = [policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for policy in policies]
        self.assertEqual(sorted(values), [60, 700])

    def test_metrics_have_somewhere_to_go(self):
        config = next(found["value"] for found in container("collector")["environment"] if found["name"] == "AOT_CONFIG_CONTENT")
        exporters = json.loads(config)["exporters"]
        groups = [group["logGroupName"] for group in account.client("logs").describe_log_groups()["logGroups"]]
        self.assertIn(exporters["awsemf"]["log_group_name"], groups)
        self.assertRegex(exporters["prometheusremotewrite"]["endpoint"], r"api/v1/remote_write$")
        (workspace,) = account.client("amp").list_workspaces()["workspaces"]
        self.assertEqual(workspace["alias"], "collabcanvas-prod")
        (board,) = account.client("cloudwatch").list_dashboards()["DashboardEntries"]
        self.assertEqual(board["DashboardName"], "collabcanvas-prod")

    def test_alarms_reach_somebody(self):
        (topic,) = [topic["TopicArn"] for topic in account.client("sns").list_topics()["Topics"]]
        (subscription,) = account.client("sns").list_subscriptions()["Subscriptions"]
        self.assertEqual(subscription["Endpoint"], "operators@example.com")
        alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
        # Autoscaling makes some of its own.
        alarms = [alarm for alarm in alarms if not alarm["AlarmName"].startswith("TargetTracking")]
        self.assertEqual(len(alarms), counts(STACK)["AWS::CloudWatch::Alarm"])
        for alarm in alarms:
            self.assertEqual(alarm["AlarmActions"], [topic], alarm["AlarmName"])

    def test_there_is_a_place_for_images_whose_tags_stay(self):
        (images,) = account.client("ecr").describe_repositories()["repositories"]
        self.assertEqual((images["repositoryName"], images["imageTagMutability"]), ("collabcanvas", "IMMUTABLE"))


class DeployedOtherwise(unittest.TestCase):
    """What parameters change. moto's CloudFormation does not carry out changes of task definitions, so each is a new stack in an empty account."""

    def variables(self, **others):
        account.reset()
        account.deploy(STACK, **parameters(account.certificate(), **others))
        node = container("node")
        values = {one["name"]: one["value"] for one in node["environment"]}
        return node["image"].rsplit("/", 1)[-1], values

    def test_another_version_is_another_image_and_nothing_else(self):
        first, before = self.variables()
        second, after = self.variables(Version=SECOND)
        self.assertEqual((first, second), (f"collabcanvas:{FIRST}", f"collabcanvas:{SECOND}"))
        self.assertEqual({**before, "COLLAB_DURABLE_URL": ""}, {**after, "COLLAB_DURABLE_URL": ""})

    def test_a_restored_table_is_used_and_the_own_one_stays(self):
        _, values = self.variables(RestoredTable="restored")
        self.assertEqual(values["COLLAB_DURABLE_URL"], "dynamodb://restored?region=us-east-1")
        self.assertEqual(len(account.client("dynamodb").list_tables()["TableNames"]), 1)


if __name__ == "__main__":
    unittest.main()
