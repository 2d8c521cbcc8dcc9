/** What is said when a stack is deployed: parameters of the template, so that the one that was checked is the one that is deployed. */
import { CfnParameter, type CfnParameterProps } from 'aws-cdk-lib';
import { Construct } from 'constructs';

export class Settings extends Construct {
  /** The tag of the image: what is upgraded and rolled back. */
  readonly version: string;
  readonly certificateArn: string;
  readonly allowedOrigins: string;
  readonly audience: string;
  readonly issuer: string;
  readonly alarmEmail: string;
  /** Empty, or the name of a table that was restored, which nodes then use instead of the stack's own. */
  readonly restoredTable: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const parameter = (name: string, props: CfnParameterProps): string => {
      const made = new CfnParameter(this, name, { type: 'String', ...props });
      made.overrideLogicalId(name);
      return made.valueAsString;
    };
    this.version = parameter('Version', {
      description: 'Tag of the image in the repository "collabcanvas", such as 0.1.0',
      allowedPattern: '[A-Za-z0-9][A-Za-z0-9._-]*',
    });
    this.certificateArn = parameter('CertificateArn', {
      description: 'Certificate of the public name, in the Certificate Manager of this region',
      allowedPattern: 'arn:aws[a-z-]*:acm:.+',
    });
    this.allowedOrigins = parameter('AllowedOrigins', {
      description: 'COLLAB_ALLOWED_ORIGINS: the origins of your pages, with commas between them',
      allowedPattern: 'https://[^ ]+',
    });
    this.audience = parameter('TokenAudience', { description: 'COLLAB_AUTH_AUDIENCE: what tokens must name as aud', minLength: 1 });
    this.issuer = parameter('TokenIssuer', { description: 'COLLAB_AUTH_ISSUER: what tokens must name as iss', minLength: 1 });
    this.alarmEmail = parameter('AlarmEmail', { description: 'Who is told of alarms', allowedPattern: '[^@ ]+@[^@ ]+' });
    this.restoredTable = parameter('RestoredTable', {
      description: 'A table restored from a point in time, to be used instead of the own one; empty: the own one',
      default: '',
      allowedPattern: '([A-Za-z0-9._-]{3,255})?',
    });
  }
}
