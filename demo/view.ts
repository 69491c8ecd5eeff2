import { createLogUpdate } from 'log-update';

/** Output of the demo. On a terminal the last lines are live; elsewhere each line is printed once, as it happens. */
export interface View {
  /** Starts a part of the story. */
  chapter(title: string): void;
  /** Prints an event, which stays on the screen. */
  say(text: string, mark?: Mark): void;
  /** Prints plain text, which stays on the screen. */
  print(text: string): void;
  /** Shows what the demo waits for: a spinner on a terminal, elsewhere a line for each change. */
  now(text: string): void;
  /** Removes the live lines and stops all output. */
  stop(): void;
}

export type Mark = 'good' | 'bad' | 'command' | 'plain';

/** Live row: a tag, the build that it points to, and the tenants that follow it. */
export interface Row {
  tag: string;
  build: string;
  tenants: { name: string; runs: string }[];
}

/** Escape codes by build: the seven digits of a build have one color wherever they occur. */
export type Colors = ReadonlyMap<string, number>;

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 120;
const MARKS: Record<Mark, string> = { good: '✓ ', bad: '✗ ', command: '$ ', plain: '' };
const GREEN = 32;
const RED = 31;
const BOLD = 1;
const DIM = 2;

/** A live view when `stream` is a terminal that can move its cursor, plain lines otherwise; no color with NO_COLOR. */
export function createView(stream: NodeJS.WriteStream, rows: () => Row[], colors: Colors): View {
  const live = stream.isTTY === true && process.env.TERM !== 'dumb';
  const isColored = live && !process.env.NO_COLOR;
  const started = Date.now();
  const paint = (code: number, text: string) => (isColored ? `\u001b[${code}m${text}\u001b[0m` : text);
  const builds = new RegExp([...colors.keys()].join('|'), 'g');
  const paintBuilds = (text: string) => text.replace(builds, (sha) => paint(colors.get(sha) ?? BOLD, sha));
  const clock = () => paint(DIM, `${((Date.now() - started) / 1000).toFixed(1)}s`.padStart(6));
  const painted: Record<Mark, (text: string) => string> = {
    good: (text) => paint(GREEN, MARKS.good) + paintBuilds(text),
    bad: (text) => paint(RED, MARKS.bad) + paintBuilds(text),
    command: (text) => paint(BOLD, MARKS.command + text),
    plain: paintBuilds,
  };

  if (!live) {
    let last = '';
    let stopped = false;
    const write = (text: string) => void (stopped || stream.write(`${text}\n`));
    return {
      chapter: (title) => write(`\n${title}`),
      say: (text, mark = 'plain') => write(`${clock()}  ${painted[mark](text)}`),
      print: write,
      now: (text) => {
        if (text !== last && text !== '') write(`${clock()}  … ${text}`);
        last = text;
      },
      stop: () => {
        stopped = true;
      },
    };
  }

  const log = createLogUpdate(stream);
  let frame = 0;
  let waiting = '';
  const draw = () => {
    const spinner = FRAMES[frame % FRAMES.length] ?? '';
    const width = Math.max(...rows().map((row) => row.tag.length));
    const table = rows().map((row) => {
      const tenants = row.tenants.map((tenant) => `${tenant.name.padEnd(8)} ${paintBuilds(tenant.runs.padEnd(7))}`);
      return `  ${row.tag.padEnd(width)} ${paintBuilds(row.build.padEnd(7))}  ${paint(DIM, '│')} ${tenants.join('  ')}`;
    });
    const fitting = waiting.slice(0, Math.max(20, stream.columns - 11)); // a wrapped line would shift the rows
    const doing = waiting && `${clock()}  ${paint(GREEN, spinner)} ${paintBuilds(fitting)}`;
    log([doing, '', ...table].join('\n'));
  };
  const timer = setInterval(() => {
    frame += 1;
    draw();
  }, FRAME_MS);
  const persist = (text: string) => {
    log.persist(text);
    draw();
  };
  draw();
  return {
    chapter: (title) => persist(`\n${paint(BOLD, title)}`),
    say: (text, mark = 'plain') => persist(`${clock()}  ${painted[mark](text)}`),
    print: (text) => persist(paintBuilds(text)),
    now: (text) => {
      waiting = text;
      draw();
    },
    stop: () => {
      clearInterval(timer);
      log.clear();
      log.done(); // shows the cursor again
    },
  };
}
