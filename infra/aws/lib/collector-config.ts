/**
 * What the collector beside each node does: reads the node's metrics twice a minute, writes all of them to managed Prometheus, and those that alarms need to
 * CloudWatch, by way of a log group.
 */
import { DIMENSION, NAMES, NAMESPACE } from './node-metrics.js';
import { ADMIN } from './ports.js';

export interface Destination {
  readonly stage: string;
  readonly region: string;
  readonly logGroup: string;
  /** Where managed Prometheus takes samples. */
  readonly remoteWrite: string;
}

/** As JSON, which is YAML. */
export function collectorConfig(destination: Destination): object {
  const { stage, region, logGroup, remoteWrite } = destination;
  return {
    extensions: { sigv4auth: { region, service: 'aps' } },
    receivers: {
      prometheus: {
        config: {
          scrape_configs: [
            {
              job_name: 'collabcanvas',
              scrape_interval: '30s',
              static_configs: [{ targets: [`127.0.0.1:${String(ADMIN)}`], labels: { [DIMENSION]: stage } }],
            },
          ],
        },
      },
    },
    processors: {
      batch: {},
      // Each collector reads the same address, its own: without the task's name their samples would be taken for those of one node.
      resourcedetection: { detectors: ['ecs'] },
      resource: { attributes: [{ key: 'service.instance.id', from_attribute: 'aws.ecs.task.arn', action: 'upsert' }] },
      'filter/alarms': { metrics: { include: { match_type: 'strict', metric_names: [...NAMES] } } },
    },
    exporters: {
      awsemf: {
        region,
        namespace: NAMESPACE,
        log_group_name: logGroup,
        log_stream_name: '{TaskId}',
        dimension_rollup_option: 'NoDimensionRollup',
        // Only the metrics of the filter come here.
        metric_declarations: [{ dimensions: [[DIMENSION]], metric_name_selectors: ['^collab_'] }],
      },
      prometheusremotewrite: { endpoint: remoteWrite, auth: { authenticator: 'sigv4auth' } },
    },
    service: {
      extensions: ['sigv4auth'],
      pipelines: {
        'metrics/alarms': {
          receivers: ['prometheus'],
          processors: ['filter/alarms', 'resourcedetection', 'batch'],
          exporters: ['awsemf'],
        },
        'metrics/all': {
          receivers: ['prometheus'],
          processors: ['resourcedetection', 'resource', 'batch'],
          exporters: ['prometheusremotewrite'],
        },
      },
    },
  };
}
