/** How large a deployment is. The figures behind these are in the README beside `bin`, under "Sizes". */

export interface NodeSize {
  /** Nodes that run always: two, so that one may die. */
  readonly least: number;
  /** What autoscaling may come to. */
  readonly most: number;
  /** In 1,024ths of a processor, as ECS counts. */
  readonly cpu: 512 | 1024 | 2048;
  readonly memoryMiB: number;
  /** Connections of a node above which there shall be more nodes. */
  readonly connections: number;
}

export interface RedisSize {
  readonly nodeType: 'cache.t4g.small' | 'cache.m7g.large';
  /** More than one makes it a Cluster. */
  readonly shards: number;
  /** Of each shard, besides its primary. */
  readonly replicas: number;
}

export interface Size {
  readonly zones: 2 | 3;
  /** Ways to the internet for nodes: one is cheaper, one in each zone survives the loss of a zone. */
  readonly natGateways: number;
  readonly nodes: NodeSize;
  readonly redis: RedisSize;
}

/** For about a hundred people at once. */
export const small: Size = {
  zones: 2,
  natGateways: 1,
  nodes: { least: 2, most: 4, cpu: 512, memoryMiB: 1024, connections: 300 },
  redis: { nodeType: 'cache.t4g.small', shards: 1, replicas: 1 },
};

/** For about a thousand people at once. */
export const medium: Size = {
  zones: 2,
  natGateways: 2,
  nodes: { least: 2, most: 8, cpu: 1024, memoryMiB: 2048, connections: 700 },
  redis: { nodeType: 'cache.t4g.small', shards: 1, replicas: 1 },
};

/** For about ten thousand people at once. */
export const large: Size = {
  zones: 3,
  natGateways: 3,
  nodes: { least: 8, most: 24, cpu: 2048, memoryMiB: 4096, connections: 1800 },
  redis: { nodeType: 'cache.m7g.large', shards: 4, replicas: 1 },
};
