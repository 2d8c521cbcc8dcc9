/** The durable store: the table as `collabcanvas setup` makes it, and what nodes may do with it. */
import { ArnFormat, CfnCondition, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Stage } from './stages.js';

/** All that a node does, and nothing else: a test compares it with the README's. */
export const ACTIONS = ['GetItem', 'PutItem', 'DeleteItem', 'Query', 'BatchWriteItem'] as const;

export class DurableTable extends Construct {
  readonly table: Table;
  /** The name of the table that nodes use: the own one, or a restored one. */
  readonly used: string;

  constructor(scope: Construct, id: string, stage: Stage, restored: string) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      // The account's managed key: as `collabcanvas setup` does, and nodes need no right to a key.
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: 'expires',
      deletionProtection: stage.keeps,
      removalPolicy: stage.keeps ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const own = new CfnCondition(this, 'Own', { expression: Fn.conditionEquals(restored, '') });
    own.overrideLogicalId('UsesOwnTable');
    this.used = Fn.conditionIf(own.logicalId, this.table.tableName, restored).toString();
  }

  /** Lets nodes do what they do with the table that they use. */
  grant(to: IGrantable): void {
    const table = Stack.of(this).formatArn({
      service: 'dynamodb',
      resource: 'table',
      resourceName: this.used,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    const actions = ACTIONS.map((action) => `dynamodb:${action}`);
    to.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [table] }));
  }
}
