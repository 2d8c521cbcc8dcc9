"""Properties of what moto's CloudFormation makes, and leaves out: set through the services' own APIs, as the template has them."""


def set_left_out(account, kind, physical, properties):
    """Sets what is left out of one resource."""
    if kind == "AWS::DynamoDB::Table":
        of_table(account.client("dynamodb"), physical, properties)
    elif kind == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        attributes = properties["LoadBalancerAttributes"]
        account.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=physical, Attributes=attributes)
    else:
        attributes = properties["TargetGroupAttributes"]
        account.client("elbv2").modify_target_group_attributes(TargetGroupArn=physical, Attributes=attributes)


def of_table(dynamodb, name, properties):
    recovery = properties["PointInTimeRecoverySpecification"]
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    found = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] == "DISABLED":
        expiry = properties["TimeToLiveSpecification"]
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
