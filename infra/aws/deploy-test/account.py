"""An account of AWS that is none: moto on this machine, and stacks that are deployed there through the API of CloudFormation.

Owns the server and how a template gets there. Never says what should come of it.
"""

import json
import logging
import os
import urllib.request
from pathlib import Path

import boto3
from by_hand import Hand, split
from moto.server import ThreadedMotoServer

TEMPLATES = Path(__file__).resolve().parent.parent / "cdk.out"
REGION = "us-east-1"
ACCOUNT = "123456789012"

# A line for each request, and a warning for each type that is made by hand, would hide what matters.
logging.getLogger("werkzeug").setLevel(logging.ERROR)
logging.getLogger("moto").setLevel(logging.ERROR)


class Account:
    """An empty account. It ends with `close`."""

    def __init__(self):
        # moto asks for some, and must never get real ones.
        os.environ.update(AWS_ACCESS_KEY_ID="nobody", AWS_SECRET_ACCESS_KEY="nothing", AWS_DEFAULT_REGION=REGION)
        os.environ.pop("AWS_PROFILE", None)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self._url = f"http://{host}:{port}"
        self._clients = {}

    def close(self):
        self._server.stop()

    def reset(self):
        """Empties it."""
        urllib.request.urlopen(urllib.request.Request(f"{self._url}/moto-api/reset", method="POST")).close()

    def client(self, service):
        if service not in self._clients:
            self._clients[service] = boto3.client(service, endpoint_url=self._url, region_name=REGION)
        return self._clients[service]

    def certificate(self):
        """One of the Certificate Manager, for a name that nobody has."""
        return self.client("acm").request_certificate(DomainName="canvas.example.com")["CertificateArn"]

    def secret(self, arn):
        """What is in a secret that the template names so."""
        return self.client("secretsmanager").get_secret_value(SecretId=arn.rsplit(":", 1)[-1])["SecretString"]

    def deploy(self, stack, **parameters):
        """Makes the stack, and what moto's CloudFormation does not know or leaves out of it. Returns its outputs."""
        cloudformation = self.client("cloudformation")
        template, apart = split(read(stack))
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        made = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        assert made["StackStatus"] == "CREATE_COMPLETE", made
        hand = Hand(self, self._references(stack, parameters))
        hand.make(apart)
        hand.complete(template["Resources"], self.resources(stack))
        return {output["OutputKey"]: output["OutputValue"] for output in made.get("Outputs", [])}

    def resources(self, stack):
        """What the stack has: types and ids, by logical ids."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"]) for one in found}

    def _references(self, stack, parameters):
        known = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, **parameters}
        for key, (kind, physical) in self.resources(stack).items():
            known[key] = physical
            attribute = {"AWS::EC2::SecurityGroup": "GroupId", "AWS::ECS::Service": "Name", "AWS::S3::Bucket": "Arn"}.get(kind)
            if attribute == "Arn":
                known[f"{key}.Arn"] = f"arn:aws:s3:::{physical}"
            elif attribute == "Name":
                known[f"{key}.Name"] = physical.rsplit("/", 1)[-1]
            elif attribute is not None:
                known[f"{key}.{attribute}"] = physical
        return known


def read(stack):
    """The template of a stack."""
    return json.loads((TEMPLATES / f"{stack}.template.json").read_text())


def counts(stack):
    """The types of the template's resources, with how many there are of each."""
    found = {}
    for resource in read(stack)["Resources"].values():
        found[resource["Type"]] = found.get(resource["Type"], 0) + 1
    return found
