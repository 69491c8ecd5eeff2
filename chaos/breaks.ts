import type { Violation } from './checker/evidence.js';

interface Edit {
  /** Compiled file, in `dist/`. */
  file: string;
  find: string;
  replace: string;
}

interface Break {
  breaks: string;
  /** What the checker must say; another violation does not count. */
  rule: Violation['rule'];
  says: RegExp;
  edits: Edit[];
}

/** What is taken out of the gate, to see that the checker notices. */
export const BREAKS: Record<string, Break> = {
  look: {
    breaks: 'I8: no one looks whether :latest is where the last move left it',
    rule: 'I8',
    says: /over the :latest of .* that a person had moved/,
    edits: [
      { file: 'src/lane/moves.js', find: 'if (!isUnexpected)', replace: 'if (true)' },
      // The mover looks before it asks the lane.
      { file: 'src/move/observe.js', find: 'if (found === from || found === to)', replace: 'if (true)' },
    ],
  },
  decision: {
    breaks: 'I4: the lane grants every write lease that it is asked for',
    rule: 'I4',
    // Over what a person moved it would not write: the mover looks, too.
    says: /was promoted while (the lane was paused|.* was under way)/,
    edits: [
      {
        file: 'src/lane/moves.js',
        find: "if (decision.decision !== 'allow')",
        replace: "if (decision.decision === 'nothing')",
      },
    ],
  },
  lease: {
    breaks: 'I4: a write lease never gets too old to write',
    rule: 'I4',
    // The mover of an attempt that comes too late has ended, mostly: another attempt has taken its place.
    says: /with no lease of the last|while no mover to it ran/,
    edits: [
      { file: 'src/move/write-lease.js', find: 'elapsed(grantedAt) < given.windowMs', replace: 'true' },
      // It looks where :latest is before it tries again, and leaves the build of another move alone.
      {
        file: 'src/move/move-image.js',
        find: 'latest !== null && latest !== manifest.digest && latest !== previous',
        replace: 'false',
      },
    ],
  },
  restore: {
    breaks: 'I2: an image whose pair failed is reported as restored, and is not',
    rule: 'I2',
    says: /left half a pair/,
    edits: [
      {
        file: 'src/move/restore.js',
        find: '    if (previous === null)\n',
        replace:
          "    if (true)\n        return toMovedImage(course, 'restored', previous);\n    if (previous === null)\n",
      },
      // All are read once more at the end.
      { file: 'src/move/restore.js', find: "image.result !== 'restored' ||", replace: 'true ||' },
    ],
  },
  interruption: {
    breaks: 'I3: a tenant may leave the build, or fall silent, in the soak',
    rule: 'I3',
    says: /was not on it .* in its soak/,
    edits: [
      {
        file: 'src/domain/fleet-watch.js',
        find: 'interrupted.length > 0 ? { interrupted, builds } : null',
        replace: 'null',
      },
    ],
  },
  soak: {
    breaks: 'I3: a build does not soak before its smoke',
    rule: 'I3',
    says: /after a soak of/,
    edits: [{ file: 'workflows/release/soaking.js', find: 'if (release.plan.soakMs > 0)', replace: 'if (false)' }],
  },
  verdict: {
    breaks: 'I1: an answer that is not what its check expects passes',
    rule: 'I1',
    says: /fails its smoke/,
    edits: [{ file: 'src/smoke/evaluate.js', find: '    if (wrong)\n', replace: '    if (wrong && false)\n' }],
  },
  'no-fleet': {
    breaks: 'I7: a gate without a canary fleet promotes',
    rule: 'I7',
    says: /without a fleet/,
    edits: [
      { file: 'workflows/release/resolving.js', find: "!hasFleet && approval === 'auto'", replace: 'false' },
      { file: 'workflows/release/resolving.js', find: 'if (release.rejected === null)', replace: 'if (false)' },
    ],
  },
  'known-bad': {
    breaks: 'I1: a build that was rolled back from is released again',
    rule: 'I1',
    says: /although .* went back from it/,
    edits: [
      { file: 'src/lane/queue.js', find: '    if (mark)\n', replace: '    if (false)\n' },
      { file: 'src/lane/moves.js', find: 'return mark ? describeMark(mark) : null;', replace: 'return null;' },
    ],
  },
  repushed: {
    breaks: 'I3: a tag that is pushed again while its build is tested is promoted as tested',
    rule: 'I3',
    says: /was pushed again before its smoke was over/,
    edits: [{ file: 'workflows/release/smoking.js', find: 'if (await isRepushed(release))', replace: 'if (false)' }],
  },
  older: {
    breaks: 'I4: no build is older than another',
    rule: 'I4',
    says: /replaced a newer build/,
    edits: [
      {
        file: 'src/lane/ledger.js',
        find: 'return a.sequence === b.sequence ? a.seen < b.seen : a.sequence < b.sequence;',
        replace: 'return false;',
      },
    ],
  },
  pause: {
    breaks: 'I4: a pause stops nothing',
    rule: 'I4',
    says: /while the lane was paused/,
    edits: [
      { file: 'src/lane/commands.js', find: '=> pause !== null &&', replace: '=> false &&' },
      // A release looks for a pause before its mover asks the lane.
      { file: 'src/lane/position.js', find: 'pause: ledger.pause,', replace: 'pause: null,' },
    ],
  },
  redaction: {
    breaks: 'I5: what a tenant repeats of a secret is kept',
    rule: 'I5',
    says: /has a part of a secret/,
    edits: [{ file: 'src/net/redact.js', find: 'if (needles.length === 0)', replace: 'if (true)' }],
  },
  alarm: {
    breaks: 'alarm: production turns red, and no alarm is raised',
    rule: 'alarm',
    says: /raised no alarm/,
    edits: [{ file: 'workflows/production/red.js', find: 'if (propose === null)', replace: 'if (false)' }],
  },
  'alarm-line': {
    breaks: 'I2: an alarm is no line of a log',
    rule: 'alarm',
    says: /is in no log of a worker/,
    edits: [
      {
        file: 'activities/sinks/log-lines.js',
        find: "log[type === 'alarm' ? 'error' : 'info'](",
        replace: "type !== 'alarm' && log.info(",
      },
    ],
  },
  'policy-look': {
    breaks: 'I1: the policy goes back over what a person has moved',
    rule: 'I1',
    says: /although a person had moved :latest/,
    edits: [
      {
        file: 'activities/watch-production.js',
        find: 'return drift === null ? choice : { ask: drift };',
        replace: 'return choice;',
      },
      {
        file: 'workflows/rollback/promoting.js',
        find: 'input.onlyFrom && !input.force && {',
        replace: 'input.onlyFrom === null && {',
      },
    ],
  },
  policy: {
    breaks: 'I1: the gate goes back also if the operator allows none',
    rule: 'I1',
    says: /in the name of a person who did not ask for it/,
    edits: [
      {
        file: 'workflows/production/red.js',
        find: "autoRollback === undefined || autoRollback === 'off'",
        replace: 'false',
      },
      {
        file: 'workflows/production/red.js',
        find: '!isBeyond(autoRollback, report.tenants)',
        replace: 'false',
      },
    ],
  },
  unmoved: {
    breaks: 'I2: a release reports a promotion without a move',
    rule: 'I2',
    says: /was never on .* since it began to move/,
    edits: [
      {
        file: 'workflows/release/promoting.js',
        find: 'await moveLatest(release, moveInput(release), (moving) => {',
        replace:
          "moveInput(release).images.map(({ repository, to, from }) => ({ repository, digest: to, previous: from, latest: to, result: 'promoted' })); void ((moving) => {",
      },
    ],
  },
  hold: {
    breaks: 'I1: an approval counts for another hold than it names',
    rule: 'I1',
    says: /without a decision on its last hold/,
    edits: [
      { file: 'src/domain/decide.js', find: 'if (holdId !== null && holdId !== hold?.id)', replace: 'if (false)' },
    ],
  },
};

/** Whether it is what the checker must say of a break. */
export const isOfBreak = (name: string, { rule, what }: Violation): boolean =>
  BREAKS[name]?.rule === rule && BREAKS[name].says.test(what);
