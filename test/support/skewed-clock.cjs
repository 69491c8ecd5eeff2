// Loaded first by a worker whose machine has a wrong clock: `TEST_SKEW_MS` milliseconds from the right one.
const skew = Number(process.env.TEST_SKEW_MS);
const RightDate = Date;
const now = () => RightDate.now() + skew;
globalThis.Date = new Proxy(RightDate, {
  construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
