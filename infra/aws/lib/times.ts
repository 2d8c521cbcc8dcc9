/** The times that must suit each other: of the program, of ECS and of the load balancer, in seconds. */

/** Between two pings of a node to a client: the default of `COLLAB_HEARTBEAT_SECONDS`. */
export const HEARTBEAT = 10;

/** Without a byte for so long the balancer ends a connection. Several heartbeats fit in, so that a late one ends nobody's. */
export const BALANCER_IDLE = 60;

/** `COLLAB_GRACE_SECONDS`: what a node may take to save everything and to say goodbye. */
export const GRACE = 60;

/** `COLLAB_DRAIN_SECONDS`: over so long a node that goes sends its clients elsewhere, one after another. The program takes half of its grace at most. */
export const DRAIN = 30;

/** For so long the balancer leaves the connections of a node that goes as they are: its goodbye must get through. */
export const DEREGISTRATION = 60;

/** So long after SIGTERM ECS kills. 120 is the most that Fargate grants; a node needs its grace and a moment to end. */
export const STOP = 120;

/** How the balancer asks `/readyz`: see `ready` in `balancer.ts`. */
export const READY = { interval: 15, timeout: 5, healthy: 2, unhealthy: 10 } as const;
