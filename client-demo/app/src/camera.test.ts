import { describe, expect, it } from 'vitest';
import { Camera, MAX_ZOOM, MIN_ZOOM } from './camera';

function cameraOf(w = 800, h = 600): Camera {
  const camera = new Camera();
  camera.resize(w, h);
  return camera;
}

describe('Camera', () => {
  it('turns screen points into canvas points and back', () => {
    const camera = cameraOf();
    camera.set({ x: 120, y: -40, zoom: 2.5 });
    const p = { x: 333, y: 77 };
    const back = camera.toScreen(camera.toCanvas(p));
    expect(back.x).toBeCloseTo(p.x);
    expect(back.y).toBeCloseTo(p.y);
  });

  it('keeps the point under the pointer while zooming', () => {
    const camera = cameraOf();
    camera.set({ x: 10, y: 20, zoom: 1 });
    const at = { x: 300, y: 200 };
    const before = camera.toCanvas(at);
    camera.zoomTo(3, at);
    expect(camera.toCanvas(at).x).toBeCloseTo(before.x);
    expect(camera.toCanvas(at).y).toBeCloseTo(before.y);
  });

  it('never zooms beyond its limits', () => {
    const camera = cameraOf();
    camera.zoomTo(1000);
    expect(camera.zoom).toBe(MAX_ZOOM);
    camera.zoomTo(0);
    expect(camera.zoom).toBe(MIN_ZOOM);
  });

  it('pans by screen pixels whatever the zoom', () => {
    const camera = cameraOf();
    camera.set({ x: 0, y: 0, zoom: 2 });
    const p = camera.toCanvas({ x: 100, y: 100 });
    camera.panBy(30, -10);
    expect(camera.toScreen(p)).toEqual({ x: 130, y: 90 });
  });

  it('fits a rectangle into the middle of the screen', () => {
    const camera = cameraOf(800, 600);
    const rect = { x: 1000, y: 1000, w: 6400, h: 100 };
    camera.set(camera.fitted(rect, 80));
    expect(camera.zoom).toBeCloseTo(0.1);
    const middle = camera.toScreen({ x: 4200, y: 1050 });
    expect(middle.x).toBeCloseTo(400);
    expect(middle.y).toBeCloseTo(300);
  });

  it('does not enlarge what is small', () => {
    const camera = cameraOf();
    expect(camera.fitted({ x: 0, y: 0, w: 10, h: 10 }).zoom).toBe(1);
  });

  it('steps through round zooms and stops at the ends', () => {
    const camera = cameraOf();
    camera.zoomTo(0.9);
    expect(camera.step(1)).toBe(1);
    expect(camera.step(-1)).toBe(0.75);
    camera.zoomTo(MAX_ZOOM);
    expect(camera.step(1)).toBe(MAX_ZOOM);
  });

  it('tells listeners only of changes', () => {
    const camera = cameraOf();
    let told = 0;
    const stop = camera.onChange(() => (told += 1));
    camera.set({ x: 0, y: 0, zoom: 1 });
    expect(told).toBe(0);
    camera.panBy(1, 0);
    stop();
    camera.panBy(1, 0);
    expect(told).toBe(1);
  });
});
