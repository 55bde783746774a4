import assert from "node:assert/strict";
import { AdaptiveKLController, FixedKLController } from "../../lib/rl/kl_controller.ts";

Deno.test("a KL above its target raises the coefficient, one below lowers it", () => {
  const controller = new AdaptiveKLController(0.5, 6, 100);
  controller.update(6.6, 10); // 10 % above, a tenth of the horizon: 1 %
  assert.ok(Math.abs(controller.coef - 0.505) < 1e-12);
  controller.update(6, 10);
  assert.ok(Math.abs(controller.coef - 0.505) < 1e-12);
  controller.update(5.4, 10);
  assert.ok(Math.abs(controller.coef - 0.505 * 0.99) < 1e-12);
});

Deno.test("the error is clipped to ±0.2", () => {
  const up = new AdaptiveKLController(1, 6, 100);
  up.update(1000, 10);
  assert.ok(Math.abs(up.coef - 1.02) < 1e-12);
  const down = new AdaptiveKLController(1, 6, 100);
  down.update(-1000, 10);
  assert.ok(Math.abs(down.coef - 0.98) < 1e-12);
});

Deno.test("the golden run's coefficient", () => {
  const controller = new AdaptiveKLController(0.2, 6, 10000);
  controller.update(-1.19, 4);
  assert.ok(Math.abs(controller.coef - 0.199984) < 1e-15);
});

Deno.test("a fixed coefficient stays", () => {
  const controller = new FixedKLController(0.05);
  controller.update();
  assert.equal(controller.coef, 0.05);
});
