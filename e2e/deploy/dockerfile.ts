import { execFileSync } from 'node:child_process';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

export interface Instruction {
  name: string;
  text: string;
}

export interface Stage {
  name: string;
  instructions: Instruction[];
}

/** Reads the stages of a Dockerfile; continued lines are joined, comments dropped. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push({ name: /\sAS\s+(\S+)/i.exec(rest)?.[1] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

export interface BuildOptions {
  /** The build context: what `COPY` without `--from` reads. */
  context: string;
  /** Each stage gets a folder of its own in here; an absolute path of the image lies below it. */
  folder: string;
  args: Record<string, string>;
  /** Whether the context's ignore file lets a path through. */
  isSent(path: string): boolean;
  /** Does what `npm ci …` would do, with the stage's working folder. */
  install(workdir: string, command: string): Promise<void>;
}

export interface Image {
  workdir: string;
  env: Record<string, string>;
  command: string[];
}

/**
 * Carries out a Dockerfile without an engine, as far as ours goes: COPY, ENV, ARG, WORKDIR, `RUN node …`, `RUN npm ci`,
 * CMD. What the last stage's working folder then holds is what the image would hold.
 *
 * @throws Error on an instruction it does not know, so that the test does not pass by leaving something out
 */
export async function buildWithoutEngine(stages: Stage[], options: BuildOptions): Promise<Image> {
  let image: Image = { workdir: '', env: {}, command: [] };
  for (const stage of stages) {
    const root = join(options.folder, stage.name || 'final');
    image = { workdir: root, env: {}, command: [] };
    for (const instruction of stage.instructions) await carryOut(instruction, { root, image, options });
  }
  return image;
}

interface Step {
  root: string;
  image: Image;
  options: BuildOptions;
}

async function carryOut({ name, text }: Instruction, { root, image, options }: Step): Promise<void> {
  const expanded = text.replace(/\$\{?(\w+)\}?/g, (whole, key: string) => options.args[key] ?? image.env[key] ?? whole);
  switch (name) {
    case 'WORKDIR':
      image.workdir = join(root, expanded);
      await mkdir(image.workdir, { recursive: true });
      return;
    case 'ENV':
      for (const [, key = '', value = ''] of expanded.matchAll(/(\w+)=(\S+)/g)) image.env[key] = value;
      return;
    case 'COPY':
      return copy(expanded, { root, image, options });
    case 'RUN':
      return run(expanded, { root, image, options });
    case 'CMD':
      image.command = JSON.parse(text) as string[];
      return;
    case 'ARG':
    case 'LABEL':
    case 'USER':
    case 'EXPOSE':
    case 'HEALTHCHECK':
      return;
    default:
      throw new Error(`The test does not know the instruction ${name}`);
  }
}

async function copy(text: string, { image, options }: Step): Promise<void> {
  const words = text.split(/\s+/);
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '';
  const into = join(image.workdir, target);
  for (const source of words) {
    const path = from === undefined ? join(options.context, source) : join(options.folder, from, source);
    const isOne = words.length === 1 && !target.endsWith('/') && target !== './';
    const filter = (file: string) => from !== undefined || options.isSent(relative(options.context, file));
    const destination = isOne ? into : join(into, source.split('/').at(-1) ?? '');
    await mkdir(dirname(destination), { recursive: true });
    await cp(path, destination, { recursive: true, verbatimSymlinks: true, filter });
  }
}

async function run(text: string, { root, image, options }: Step): Promise<void> {
  const command = text.replaceAll('"', '');
  if (command.startsWith('npm ci')) return options.install(image.workdir, command);
  if (command.startsWith('mkdir /data')) {
    await mkdir(join(root, 'data'), { recursive: true });
    return;
  }
  const [program, ...args] = command.split(/\s+/);
  if (program !== 'node') throw new Error(`The test does not know how to run "${command}"`);
  execFileSync(process.execPath, args, { cwd: image.workdir, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Puts the workspace's modules in place of an installation. */
export const linkModules =
  (modules: string) =>
  (workdir: string): Promise<void> =>
    symlink(modules, join(workdir, 'node_modules'), 'dir');
