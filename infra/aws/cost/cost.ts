/** What a deployment costs in a month: pure. Nodes are taken to be as few as the size has, at all hours. */
import type { Size } from '../lib/sizes.js';
import { of } from './load.js';
import { price } from './prices.js';
import { alarmFigures, METRICS, SECRETS } from './counts.js';

/** As AWS counts. */
const HOURS = 730;
const SECONDS = HOURS * 3_600;
const MILLION = 1_000_000;
const GIGABYTE = 1_000_000_000;
/** Bytes of a write unit, and of a read unit. */
const WRITTEN = 1_024;
const READ = 4_096;
/** GB to the internet that are free. */
const FREE = 100;

export interface Cost {
  readonly nodes: number;
  readonly redis: number;
  readonly durable: number;
  /** Load balancer, NAT, addresses and what is sent. */
  readonly network: number;
  /** Metrics, alarms, logs and secrets. */
  readonly watching: number;
  readonly total: number;
}

/** Seconds a month in which people are there. */
const busy = (): number => of('hours') * 3_600;

function ofNodes({ nodes }: Size): number {
  const each = price('vcpu', nodes.cpu / 1_024) + price('gigabyte', nodes.memoryMiB / 1_024);
  return nodes.least * each * HOURS;
}

function ofRedis({ redis }: Size): number {
  return price(redis.nodeType, redis.shards * (redis.replicas + 1) * HOURS);
}

/**
 * A save begins `autosave` after the first change, and takes a unit for each KB, one at least. At the rate of the load test this is 95,000 units for a
 * million changes, where 56,600 have been measured: too much rather than too little, also because changes are made in bursts.
 */
export function writeUnitsOfLog(people: number, ops = of('ops')): number {
  const projects = people / of('together');
  const rate = of('together') * ops;
  const saves = 1 / (of('autosave') + 1 / rate);
  const units = Math.ceil(((rate / saves) * of('savedBytes')) / WRITTEN);
  return projects * saves * units * busy();
}

function ofDurable(people: number, size: Size): number {
  const changes = people * of('ops') * busy();
  // Checkpoints write at most as much again as the log has bytes; nodes report each second.
  const checkpoints = (changes * of('savedBytes')) / WRITTEN;
  const reports = size.nodes.least * SECONDS;
  const writes = writeUnitsOfLog(people) + checkpoints + reports;
  // Nodes read each other's reports each second; a project's tail is looked at each minute; a project is loaded each day.
  const looks = ((people / of('together')) * busy()) / 60;
  const state = of('objects') * of('objectBytes');
  const loads = (people * of('projects') * 21 * 2 * state) / READ;
  const log = (changes / 21) * of('savedBytes');
  const kept = people * of('projects') * of('states') * state + log;
  return price('writeUnits', writes / MILLION) + price('readUnits', (reports + looks + loads) / MILLION) + price('stored', kept / GIGABYTE);
}

/** Bytes a second that one person gets. */
export function bytesToPerson(): number {
  return (of('together') - 1) * of('ops') * of('deliveryBytes') + of('cursors') * of('cursorBytes');
}

function ofNetwork(people: number, size: Size): number {
  const bytes = people * bytesToPerson();
  const sent = (bytes * busy()) / GIGABYTE;
  const units = Math.max((bytes * 3_600) / GIGABYTE, people / 3_000);
  const balancer = price('balancer', HOURS) + price('balancerUnit', units * of('hours'));
  const out = price('nat', size.natGateways * HOURS) + price('natGigabyte', size.nodes.least * of('logs'));
  const addresses = price('address', (size.zones + size.natGateways) * HOURS);
  // A change goes to Redis and from there to every node, each time to another zone by half.
  const events = (people * of('ops') * busy() * of('eventBytes') * (1 + size.nodes.least)) / 2 / GIGABYTE;
  return balancer + out + addresses + price('toInternet', Math.max(sent - FREE, 0)) + price('betweenZones', events);
}

function ofWatching(size: Size): number {
  const { least } = size.nodes;
  const samples = (least * of('series') * SECONDS) / 30 / MILLION;
  return (
    price('metric', METRICS) +
    price('alarmMetric', alarmFigures(size)) +
    price('dashboard', 1) +
    price('logs', least * of('logs')) +
    price('samples', samples) +
    price('secret', SECRETS) +
    price('key', 1)
  );
}

/** @param people who are there at once */
export function cost(people: number, size: Size): Cost {
  const parts = {
    nodes: ofNodes(size),
    redis: ofRedis(size),
    durable: ofDurable(people, size),
    network: ofNetwork(people, size),
    watching: ofWatching(size),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}
