import { keysBetween } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { Binding } from './binding';
import { propsOf, type Element } from './element';
import { IDLE, rectangle, TestCanvas, TestScene, TestServer } from './fixtures';
import { repair } from './repair';

/** As many random histories are tried, each with its own seed: `SEEDS=2000 npx vitest run convergence`. */
const SEEDS = Number(process.env['SEEDS'] ?? 60);
const STEPS = 150;

type Random = (below: number) => number;

function randomFrom(seed: number): Random {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Tab {
  readonly canvas: TestCanvas;
  readonly scene = new TestScene();
  readonly binding: Binding;
  private made = 0;

  constructor(
    private readonly name: string,
    server: TestServer,
    private readonly random: Random,
  ) {
    this.canvas = new TestCanvas(server);
    this.binding = new Binding(this.canvas, this.scene, {
      now: () => 0,
      random: () => random(1e6) / 1e6,
      request: () => undefined,
      refused: (error) => {
        throw error;
      },
    });
    this.canvas.changed = (ids) => this.binding.changed(ids);
  }

  /** The user does something, as far as there is something to do it to. */
  act(): void {
    const { scene, random } = this;
    const list = scene.visible;
    const at = random(list.length + 1);
    const some = list[at];
    switch (random(6)) {
      case 0: {
        const below = list[at - 1]?.index ?? null;
        this.made += 1;
        scene.add(rectangle(`${this.name}${this.made}`, { index: this.between(below) }));
        break;
      }
      case 1:
        if (some && random(3) === 0) scene.edit(some.id, { isDeleted: true });
        break;
      case 2:
        if (some) scene.edit(some.id, { index: this.between(list[random(list.length)]?.index ?? null) });
        break;
      case 3:
        scene.current = scene.current === IDLE && some ? { ...IDLE, cursorButton: 'down', newElement: { id: some.id } } : IDLE;
        break;
      case 4: {
        const gone = scene.list.filter(({ isDeleted }) => isDeleted);
        const back = gone[random(gone.length)];
        if (back && random(3) === 0) scene.edit(back.id, { isDeleted: false });
        break;
      }
      default:
        if (some) scene.edit(some.id, random(2) === 0 ? { x: random(9) } : { strokeColor: `#00${random(9)}` });
    }
  }

  /** An index directly above another, as the editor makes it. */
  private between(below: string | null): string {
    const above = this.scene.list.map(({ index }) => index).find((index) => index !== null && (below === null || index > below)) ?? null;
    return keysBetween(below, above, 1)[0] ?? 'a0';
  }
}

const line = (id: string, props: object): string => JSON.stringify([id, Object.entries(props).sort()]);
const shown = (elements: readonly Element[]): string[] => elements.map((element) => line(element.id, propsOf(element)));

describe('three tabs that do anything at any time', () => {
  it(`agree in the end, in ${SEEDS} histories`, { timeout: 20_000 + SEEDS * 200 }, () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const random = randomFrom(seed);
      const server = new TestServer();
      const tabs = ['a', 'b', 'c'].map((name) => new Tab(name, server, random));
      const any = (): Tab => tabs[random(tabs.length)] as Tab;
      for (let step = 0; step < STEPS; step += 1) {
        const tab = any();
        const deed = random(4);
        if (deed === 0) tab.act();
        else if (deed === 1) tab.binding.sync();
        else if (deed === 2) server.take(tab.canvas);
        else if (tab.binding.needsRepair) repair(tab.canvas);
      }
      for (const { scene } of tabs) scene.current = IDLE;
      let rounds = 0;
      do {
        expect((rounds += 1), `seed ${seed} does not come to rest`).toBeLessThan(20);
        for (const { binding } of tabs) binding.sync();
        server.takeAll();
        for (const { binding } of tabs) binding.sync();
        for (const { binding, canvas } of tabs) if (binding.needsRepair) repair(canvas);
      } while (tabs.some(({ canvas, binding }) => canvas.pending.length > 0 || binding.needsRepair));
      for (const { scene, canvas } of tabs) {
        const objects = canvas.ordered().map(({ id, props }) => line(id, props));
        expect(shown(scene.visible), `seed ${seed}`).toEqual(objects);
        expect(objects, `seed ${seed}`).toEqual(tabs[0]?.canvas.ordered().map(({ id, props }) => line(id, props)));
      }
    }
  });
});
