/** What nodes may do in Redis, as an access string: the README's rights, which are those that the program asks for when it starts. */

const COMMANDS =
  '+del +evalsha +exec +exists +expire +get +hdel +hget +hgetall +hlen +hmget +hset +incrby +info +memory|usage +multi +persist +pexpire ' +
  '+pexpireat +pttl +rename +role +sadd +script|load +set +smembers +spublish +srem +ssubscribe +sunsubscribe +time +unlink +xadd +xlen ' +
  '+xrange +xtrim +zadd +zrange +zrem';

/** What the client library needs besides in a Cluster. */
const CLUSTER = '+asking +cluster|slots +ping';

/** @param clustered whether there are several shards */
export function rights(clustered: boolean): string {
  return `on ~collab:* &collab:* -@all ${COMMANDS}${clustered ? ` ${CLUSTER}` : ''}`;
}

/** Everybody who has no user of their own: nobody. */
export const NOBODY = 'off ~collab:* -@all';
