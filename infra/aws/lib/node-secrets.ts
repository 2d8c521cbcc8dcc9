/** The secrets of nodes, besides the way to Redis. Each works as it was made; the guide says which to replace by your own. */
import { Secret as Given } from 'aws-cdk-lib/aws-ecs';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { composed, generated } from './generated-secret.js';

export class NodeSecrets extends Construct {
  /** What your back end signs tokens with, until you publish keys of your own. */
  readonly signing: Secret;
  readonly authKeys: Secret;
  readonly apiKeys: Secret;
  readonly adminToken: Secret;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.signing = generated(this, 'Signing', 'CollabCanvas: what a back end signs tokens with (HS256, kid k1)');
    this.authKeys = composed(
      this,
      'AuthKeys',
      'CollabCanvas: COLLAB_AUTH_KEYS; better put jwks:https://… of your issuer here, so that no node can make tokens',
      (secret) => `k1=secret:${secret}`,
      this.signing,
    );
    this.apiKeys = generated(this, 'ApiKeys', 'CollabCanvas: COLLAB_API_KEYS, the key of your back end');
    this.adminToken = generated(this, 'AdminToken', 'CollabCanvas: COLLAB_ADMIN_TOKEN');
  }

  /** As variables of a container. */
  variables(redisUrl: Secret): Record<string, Given> {
    return {
      COLLAB_AUTH_KEYS: Given.fromSecretsManager(this.authKeys),
      COLLAB_API_KEYS: Given.fromSecretsManager(this.apiKeys),
      COLLAB_ADMIN_TOKEN: Given.fromSecretsManager(this.adminToken),
      COLLAB_REDIS_URL: Given.fromSecretsManager(redisUrl),
    };
  }
}
