/** Where things listen. */

/** Clients, on a node. */
export const CLIENTS = 8080;
/** Probes and metrics, on a node. */
export const ADMIN = 9464;
export const REDIS = 6379;
export const HTTPS = 443;
