/** The settings of a node that are no secrets. Each name is in the table of the main README; a test holds that. */
import { ADMIN, CLIENTS } from './ports.js';
import { DRAIN, GRACE, HEARTBEAT } from './times.js';

export interface Deployed {
  readonly table: string;
  readonly region: string;
  /** Networks of the load balancer: what it says of clients is believed. */
  readonly balancerNetworks: readonly string[];
  readonly allowedOrigins: string;
  readonly audience: string;
  readonly issuer: string;
}

export function variables(deployed: Deployed): Record<string, string> {
  return {
    COLLAB_LISTEN: `0.0.0.0:${String(CLIENTS)}`,
    COLLAB_ADMIN_LISTEN: `0.0.0.0:${String(ADMIN)}`,
    COLLAB_DURABLE_URL: `dynamodb://${deployed.table}?region=${deployed.region}`,
    COLLAB_TRUSTED_PROXIES: deployed.balancerNetworks.join(','),
    COLLAB_ALLOWED_ORIGINS: deployed.allowedOrigins,
    COLLAB_AUTH_AUDIENCE: deployed.audience,
    COLLAB_AUTH_ISSUER: deployed.issuer,
    COLLAB_HEARTBEAT_SECONDS: String(HEARTBEAT),
    COLLAB_GRACE_SECONDS: String(GRACE),
    COLLAB_DRAIN_SECONDS: String(DRAIN),
    COLLAB_LOG_FORMAT: 'json',
  };
}
