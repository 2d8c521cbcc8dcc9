"""What moto's CloudFormation does not know, though moto has the service: made through the service's own API, with the properties of the template.

Botocore holds each call against AWS's model of the API, so that a property that AWS does not know is an error here, too. References to such resources are replaced
by their logical ids, as "Id" or "Id.Attribute", or at the end of an ARN where one is wanted.
"""

import json
import re

from left_out import set_left_out

# Nobody here makes these: moto has no API for them. Of them the tests beside this folder look at the template alone.
ONLY_IN_TEMPLATE = {"AWS::ElastiCache::ParameterGroup", "AWS::ElastiCache::UserGroup"}

BY_HAND = {
    "AWS::APS::Workspace",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::SubnetGroup",
    "AWS::ElastiCache::User",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SecretsManager::Secret",
}

# Of these moto's CloudFormation leaves something out.
HAS_MORE = {"AWS::DynamoDB::Table", "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup"}

# Attributes of what is there that moto does not know. Only figures of the dashboard and of alarms need them.
UNKNOWN = {"LoadBalancerFullName", "TargetGroupFullName"}


def split(template):
    """The template without what is made by hand, and that."""
    resources = template["Resources"]
    apart = {key: value for key, value in resources.items() if value["Type"] in BY_HAND | ONLY_IN_TEMPLATE}
    rest = {key: without(value, apart) for key, value in resources.items() if key not in apart}
    for resource in rest.values():
        depends = [resource.get("DependsOn", [])] if isinstance(resource.get("DependsOn"), str) else resource.get("DependsOn", [])
        resource["DependsOn"] = [key for key in depends if key not in apart]
        # moto looks for the names of a key's tags in another place than CloudFormation has them.
        if resource["Type"] == "AWS::KMS::Key":
            resource["Properties"].pop("Tags", None)
    return {**template, "Resources": rest, "Outputs": without(template.get("Outputs", {}), apart)}, apart


def without(value, apart):
    """A value in which references to what is not there name its logical id."""
    if isinstance(value, list):
        return [without(part, apart) for part in value]
    if not isinstance(value, dict):
        return value
    key, attribute = value.get("Fn::GetAtt", [value.get("Ref"), None])
    if key in apart:
        is_secret = apart[key]["Type"] == "AWS::SecretsManager::Secret"
        if is_secret or attribute == "Arn":
            return f"arn:aws:{'secretsmanager' if is_secret else 'aps'}:us-east-1:123456789012:{key}"
        return key if attribute is None else f"{key}.{attribute}"
    if attribute in UNKNOWN:
        return f"{key}.{attribute}"
    return {key: without(part, apart) for key, part in value.items()}


class Hand:
    """Makes what `split` has put aside."""

    def __init__(self, account, known):
        self._account = account
        # What a Ref, or a GetAtt as "Id.Attribute", stands for.
        self._known = known

    def make(self, apart):
        """All of it: first what others speak of."""
        order = sorted(apart.items(), key=lambda item: ("Secret" not in item[1]["Type"], "SecretString" in item[1]["Properties"], "Policy" in item[1]["Type"]))
        for key, resource in order:
            if resource["Type"] in BY_HAND:
                properties = self._resolve(without(resource["Properties"], apart))
                properties.pop("Tags", None)
                self._make(key, resource["Type"], properties)

    def complete(self, resources, found):
        """Sets what moto's CloudFormation leaves out of what it makes."""
        for key, (kind, physical) in found.items():
            if kind in HAS_MORE:
                set_left_out(self._account, kind, physical, self._resolve(resources[key]["Properties"]))

    def _resolve(self, value):
        if isinstance(value, list):
            return [self._resolve(part) for part in value]
        if isinstance(value, str):
            return re.sub(r"\{\{resolve:secretsmanager:(.+?):SecretString:::\}\}", lambda found: self._secret(found[1]), value)
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return self._known[value["Ref"]]
        if "Fn::GetAtt" in value:
            return self._known[".".join(value["Fn::GetAtt"])]
        if "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            return self._resolve(separator.join(self._resolve(part) if isinstance(part, dict) else part for part in parts))
        if "Fn::Split" in value:
            separator, text = value["Fn::Split"]
            return self._resolve(text).split(separator)
        if "Fn::Select" in value:
            number, parts = value["Fn::Select"]
            return self._resolve(parts)[int(number)]
        return {key: self._resolve(part) for key, part in value.items()}

    def _secret(self, arn):
        return self._account.secret(arn)

    def _make(self, key, kind, properties):
        client = self._account.client
        if kind == "AWS::SecretsManager::Secret":
            generated = properties.pop("GenerateSecretString", None)
            if generated is not None:
                properties["SecretString"] = client("secretsmanager").get_random_password(**generated)["RandomPassword"]
            client("secretsmanager").create_secret(Name=key, **properties)
        elif kind == "AWS::APS::Workspace":
            client("amp").create_workspace(alias=properties["Alias"])
        elif kind == "AWS::ApplicationAutoScaling::ScalableTarget":
            client("application-autoscaling").register_scalable_target(**properties)
        elif kind == "AWS::ApplicationAutoScaling::ScalingPolicy":
            del properties["ScalingTargetId"]
            (target,) = client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
            of = {name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
            client("application-autoscaling").put_scaling_policy(**properties, **of)
        elif kind == "AWS::CloudWatch::Alarm":
            client("cloudwatch").put_metric_alarm(AlarmName=key, **properties)
        elif kind == "AWS::EC2::SecurityGroupEgress":
            other = {"GroupId": properties["DestinationSecurityGroupId"], "Description": properties["Description"]}
            rule = {name: properties[name] for name in ("IpProtocol", "FromPort", "ToPort")}
            client("ec2").authorize_security_group_egress(
                GroupId=properties["GroupId"], IpPermissions=[{**rule, "UserIdGroupPairs": [other]}]
            )
        elif kind == "AWS::ElastiCache::ReplicationGroup":
            client("elasticache").create_replication_group(ReplicationGroupId=key, **properties)
        elif kind == "AWS::ElastiCache::SubnetGroup":
            client("elasticache").create_cache_subnet_group(
                CacheSubnetGroupName=key, CacheSubnetGroupDescription=properties["Description"], SubnetIds=properties["SubnetIds"]
            )
        elif kind == "AWS::ElastiCache::User":
            client("elasticache").create_user(**properties)
        elif kind == "AWS::S3::BucketPolicy":
            client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))
        elif kind == "AWS::SNS::Subscription":
            client("sns").subscribe(**properties)
        else:
            policy = {"AttributeName": "Policy", "AttributeValue": json.dumps(properties["PolicyDocument"])}
            for topic in properties["Topics"]:
                client("sns").set_topic_attributes(TopicArn=topic, **policy)
