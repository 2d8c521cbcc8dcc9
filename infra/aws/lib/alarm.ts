/** An alarm: what it looks at, from when on, and what whoever is woken by it should do. */
import { Alarm, ComparisonOperator, TreatMissingData, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export interface AlarmProps {
  readonly metric: IMetric;
  /** It rings above, or below. */
  readonly above?: number;
  readonly below?: number;
  /** For so many periods of the metric in a row. */
  readonly periods: number;
  /** Whether it rings, too, when there is no figure at all. */
  readonly ringsWhenSilent?: boolean;
  /** What it means, and what to do: two sentences. */
  readonly says: string;
}

/** Tells the topic when it begins to ring and when it ends. */
export function alarm(scope: Construct, id: string, topic: ITopic, props: AlarmProps): Alarm {
  const isAbove = props.above !== undefined;
  const made = new Alarm(scope, id, {
    metric: props.metric,
    threshold: props.above ?? props.below ?? 0,
    comparisonOperator: isAbove ? ComparisonOperator.GREATER_THAN_THRESHOLD : ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: props.periods,
    treatMissingData: props.ringsWhenSilent === true ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    alarmDescription: props.says,
  });
  made.addAlarmAction(new SnsAction(topic));
  made.addOkAction(new SnsAction(topic));
  return made;
}
