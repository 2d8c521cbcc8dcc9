import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../../../..');
const NODES = ['node-1', 'node-2'] as const;
export type NodeName = (typeof NODES)[number];

/** A name, a network and free ports of its own: a cluster that somebody works with goes on beside it. */
const OWN = {
  COMPOSE_PROJECT_NAME: 'collabcanvas-test',
  COMPOSE_PROFILES: 'cluster',
  SUBNET: '172.30.85',
  CLIENT_PORT: '0',
  PROMETHEUS_PORT: '0',
  GRAFANA_PORT: '0',
  REDIS_DATA_PORT: '0',
  REDIS_ROUTING_PORT: '0',
  DYNAMODB_PORT: '0',
};

async function docker(...args: string[]): Promise<string> {
  const options = { cwd: ROOT, env: { ...process.env, ...OWN }, maxBuffer: 64 << 20 };
  return (await promisify(execFile)('docker', args, options)).stdout.trim();
}

const compose = (...args: string[]): Promise<string> => docker('compose', ...args);

/** The cluster of docker-compose.yml, as its readers start it. */
export class Compose {
  private constructor(
    /** Whether Grafana is there: its image may be out of reach. */
    readonly hasGrafana: boolean,
  ) {}

  static readonly nodes = NODES;

  /** Starts everything, and waits until it is healthy. */
  static async up(): Promise<Compose> {
    await Compose.clear();
    const hasGrafana = await Compose.canHave('grafana');
    const services = (await compose('config', '--services')).split('\n').filter((service) => hasGrafana || service !== 'grafana');
    try {
      await compose('up', '--no-build', '--wait', '--wait-timeout', '240', ...services);
    } catch (error) {
      const said = await compose('logs', '--no-color', '--tail', '30');
      await Compose.clear();
      throw new Error(`the cluster does not start\n${said}`, { cause: error });
    }
    return new Compose(hasGrafana);
  }

  /** Whether a service's image is here or can be fetched. */
  private static async canHave(service: string): Promise<boolean> {
    const { services } = JSON.parse(await compose('config', '--format', 'json')) as { services: Record<string, { image: string }> };
    const image = services[service]?.image ?? '';
    return docker('image', 'inspect', image).then(
      () => true,
      () => docker('pull', '--quiet', image).then(() => true, () => false),
    );
  }

  private static async clear(): Promise<void> {
    await compose('down', '--volumes', '--remove-orphans', '--timeout', '5');
  }

  /** Where a service can be reached from here. */
  async url(service: string, port: number): Promise<string> {
    return `http://${await compose('port', service, `${port}`)}`;
  }

  /** An access token, made as infra/README.md says. @param rights as in `board=owner` */
  token(user: string, rights: string): Promise<string> {
    return compose('exec', '-T', 'node-1', 'collabcanvas', 'token', '--user', user, '--project', rights);
  }

  /** A number of a node's metrics, without labels. */
  async metric(node: NodeName, name: string): Promise<number> {
    const text = await compose('exec', '-T', node, 'curl', '--fail', '--silent', 'http://127.0.0.1:9464/metrics');
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  /** kill -9: no goodbye, nothing flushed. */
  async kill(node: NodeName): Promise<void> {
    await compose('kill', '--signal', 'SIGKILL', node);
  }

  async start(node: NodeName): Promise<void> {
    await compose('start', node);
  }

  down(): Promise<void> {
    return Compose.clear();
  }
}
