/** Says why a rule of cdk-nag does not hold here: in one sentence, beside what breaks it. */
import { NagSuppressions } from 'cdk-nag';
import type { IConstruct } from 'constructs';

/** @param reason a whole sentence; a test holds that */
export function explain(construct: IConstruct, rule: string, reason: string, appliesTo?: readonly string[]): void {
  const suppression = { id: `AwsSolutions-${rule}`, reason };
  NagSuppressions.addResourceSuppressions(construct, [appliesTo === undefined ? suppression : { ...suppression, appliesTo: [...appliesTo] }], true);
}
