/** The images, for all stages: what was tried in dev is what runs in prod, bit for bit. */
import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Repository, TagMutability } from 'aws-cdk-lib/aws-ecr';
import type { Construct } from 'constructs';

export const REPOSITORY = 'collabcanvas';

export class RegistryStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, { description: 'CollabCanvas: the images of all stages', terminationProtection: true, ...props });
    new Repository(this, 'Images', {
      repositoryName: REPOSITORY,
      imageScanOnPush: true,
      // A tag that could be moved would make a roll back a guess.
      imageTagMutability: TagMutability.IMMUTABLE,
      lifecycleRules: [{ description: 'The newest fifty can be rolled back to', maxImageCount: 50 }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
