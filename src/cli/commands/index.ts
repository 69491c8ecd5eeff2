import type { CommandEntry } from '../command.js';

/** Every command, in the order of help. A command is loaded when it is used, so that `canary --help` loads none of them. */
export const COMMANDS: CommandEntry[] = [
  {
    name: 'release',
    arguments: '<sha>',
    summary: 'Take a build from :staging-<sha> to :latest if every canary tenant passes.',
    load: async () => (await import('./release.js')).release,
  },
  {
    name: 'promote',
    arguments: '<sha>',
    summary: 'Move :latest to a build on your authority: no wait, no soak, no smoke.',
    load: async () => (await import('./promote.js')).promote,
  },
  {
    name: 'approve',
    arguments: '<sha>',
    summary: 'Continue a held release, or promote one that waits for approval.',
    load: async () => (await import('./decide.js')).approve,
  },
  {
    name: 'abort',
    arguments: '<sha>',
    summary: 'End a release, or a rollback to the build, before its move has begun.',
    load: async () => (await import('./decide.js')).abort,
  },
  {
    name: 'retry',
    arguments: '<sha>',
    summary: 'Try again what a release is held for.',
    load: async () => (await import('./decide.js')).retry,
  },
  {
    name: 'rollback',
    arguments: '[sha]',
    summary: 'Move :latest of all images back to a build.',
    load: async () => (await import('./rollback.js')).rollback,
  },
  {
    name: 'pause',
    arguments: '',
    summary: 'Stop promotions: releases are tested and wait before they promote. Rollbacks still move.',
    load: async () => (await import('./lane/lane.js')).pause,
  },
  {
    name: 'resume',
    arguments: '',
    summary: 'End a pause.',
    load: async () => (await import('./lane/lane.js')).resume,
  },
  {
    name: 'lane',
    arguments: '<command> [sha|number]',
    summary:
      'Accept :latest as it is, lift the hold after a rollback, drop a stuck release, clear a known-bad build, or fix the sequence.',
    load: async () => (await import('./lane/lane.js')).lane,
  },
  {
    name: 'tenants',
    arguments: '[command] [tenant]',
    summary: 'List the canary tenants and what releases saw of them, check one, or set one aside.',
    load: async () => (await import('./fleet/tenants.js')).tenants,
  },
  {
    name: 'status',
    arguments: '[sha]',
    summary: 'Show the state of a release and why; without a sha, what is live and what is running.',
    worksOnAll: true,
    load: async () => (await import('./status.js')).status,
  },
  {
    name: 'queue',
    arguments: '',
    summary: 'Show which release holds the lane, which ones wait in which order, and what blocks promotion.',
    load: async () => (await import('./lane/queue.js')).queue,
  },
  {
    name: 'history',
    arguments: '',
    summary: 'Show the ledger, newest first: what moved :latest, when, by whom, and the known-bad builds.',
    load: async () => (await import('./lane/history.js')).history,
  },
  {
    name: 'report',
    arguments: '<sha>',
    summary: 'Print the report of the latest release of a build, or rollback to it, as Markdown.',
    load: async () => (await import('./report.js')).report,
  },
  {
    name: 'postmortem',
    arguments: '<sha>',
    summary: 'Draft a post-mortem, as Markdown, from the record of the rollback to a build.',
    load: async () => (await import('./report.js')).postmortem,
  },
  {
    name: 'events',
    arguments: '[sha]',
    summary: 'Print the events of a build as CloudEvents, from the record, or send again what a sink did not get.',
    load: async () => (await import('./events.js')).events,
  },
  {
    name: 'smoke',
    arguments: '',
    summary: 'Run the smoke suite on every canary tenant now. Needs no Temporal.',
    load: async () => (await import('./smoke.js')).smoke,
  },
  {
    name: 'drift',
    arguments: '',
    summary: 'Compare the configuration of canary and production tenants, as the suite declares it. Needs no Temporal.',
    load: async () => (await import('./fleet/drift.js')).drift,
  },
  {
    name: 'setup',
    arguments: '',
    summary: 'Prepare a Temporal namespace. Safe to repeat.',
    worksOnAll: true,
    load: async () => (await import('./operate/setup.js')).setup,
  },
  {
    name: 'doctor',
    arguments: '',
    summary: 'Check everything a release needs, and print how to fix what would stop one. Changes nothing.',
    load: async () => (await import('./operate/doctor.js')).doctor,
  },
  {
    name: 'worker',
    arguments: '',
    summary: 'Run a worker, which carries releases out, until SIGTERM or Ctrl-C.',
    worksOnAll: true,
    load: async () => (await import('./operate/worker.js')).worker,
  },
  {
    name: 'codec-server',
    arguments: '',
    summary: 'Decrypt payloads for the Temporal UI, until SIGTERM or Ctrl-C.',
    worksOnAll: true,
    load: async () => (await import('./operate/codec-server.js')).codecServer,
  },
  {
    name: 'completion',
    arguments: '<shell>',
    summary: 'Print a completion script for bash or zsh.',
    worksOnAll: true,
    load: async () => (await import('../completion.js')).completionOf(COMMANDS),
  },
];
