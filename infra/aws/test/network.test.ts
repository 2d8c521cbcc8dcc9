import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { stacks } from './stack.js';

interface Rule {
  Properties: { CidrIp?: string; FromPort: number; ToPort: number; SourceSecurityGroupId?: unknown; DestinationSecurityGroupId?: unknown };
}

describe('the network', () => {
  it('has a subnet of each layer in each zone, and as many ways out as the size says', () => {
    for (const { template, stage } of [stacks.dev(), stacks.prod(), stacks.large()]) {
      template.resourceCountIs('AWS::EC2::Subnet', 3 * stage.size.zones);
      template.resourceCountIs('AWS::EC2::NatGateway', stage.size.natGateways);
      template.allResourcesProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: false });
    }
  });

  it('has no route from the stores to anywhere', () => {
    const { template } = stacks.prod();
    const routes = Object.keys(template.findResources('AWS::EC2::Route'));
    expect(routes.length).toBeGreaterThan(0);
    expect(routes.filter((name) => name.includes('stores'))).toEqual([]);
  });

  it('reaches DynamoDB and the layers of images without the internet', () => {
    const { template } = stacks.prod();
    for (const service of ['dynamodb', 's3']) {
      template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
        VpcEndpointType: 'Gateway',
        ServiceName: { 'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp(`\\.${service}$`)])] },
      });
    }
  });

  it('lets in from outside nothing but TLS to the balancer', () => {
    const { template } = stacks.prod();
    const groups = Object.values(template.findResources('AWS::EC2::SecurityGroup')) as {
      Properties: { GroupDescription: string; SecurityGroupIngress?: { CidrIp: string; FromPort: number; ToPort: number }[] };
    }[];
    const open = groups.flatMap((group) =>
      (group.Properties.SecurityGroupIngress ?? []).map((rule) => ({ of: group.Properties.GroupDescription, ...rule })),
    );
    expect(open).toEqual([expect.objectContaining({ of: 'CollabCanvas: the load balancer', CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443 })]);
    const between = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress')) as Rule[];
    expect(between.every((rule) => rule.Properties.SourceSecurityGroupId !== undefined && rule.Properties.CidrIp === undefined)).toBe(true);
    expect(between.map((rule) => rule.Properties.FromPort).sort((a, b) => a - b)).toEqual([6379, 8080, 9464]);
  });

  it('gives public addresses to the balancer and to nothing that runs our code', () => {
    const { template } = stacks.prod();
    template.hasResourceProperties('AWS::ECS::Service', {
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
    });
    template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 1);
  });
});
