/** A secret that nobody has made up and nobody has seen: letters and digits, so that it may stand in a URL. */
import { SecretValue } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { explain } from './explain.js';

const CHARACTERS = 64;
const ROTATION = 'It is rotated by hand, as the guide says: nodes read it when they start, so a new value needs a deployment.';

export function generated(scope: Construct, id: string, description: string): Secret {
  const secret = new Secret(scope, id, {
    description,
    generateSecretString: { passwordLength: CHARACTERS, excludePunctuation: true, includeSpace: false },
  });
  explain(secret, 'SMG4', ROTATION);
  return secret;
}

/** A text with a secret in it. CloudFormation fills it in when it deploys: the template has the name of the secret alone. */
export function composed(scope: Construct, id: string, description: string, text: (secret: string) => string, part: Secret): Secret {
  const secret = new Secret(scope, id, {
    description,
    secretStringValue: SecretValue.unsafePlainText(text(part.secretValue.unsafeUnwrap())),
  });
  explain(secret, 'SMG4', ROTATION);
  return secret;
}
