import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shrink, type Scene, type Shrunk } from '../simulation/index.ts'
import { complain, print, printJson } from './output.ts'

/** What the command line says about failing runs. */
export interface ShrinkValues {
  /** False leaves it out. */
  readonly shrink: boolean
  readonly shrinkRuns: number
  /** Folder for what is found. */
  readonly out?: string
  readonly json?: true
}

/** Longer ones are no command line any more, in characters. */
const INLINE_MAX = 1_000
const PROGRESS_MS = 1_000

/** What of a shrunk run is printed as JSON. */
export interface ToldShrunk {
  readonly scene: object
  readonly violation: object
  readonly runs: number
  readonly messages: number
  readonly again: string
  readonly files: readonly string[]
}

/** Shrinks a failing run, and writes its story where a folder is given. */
export async function shrunkRun(options: Scene, invariant: string, values: ShrinkValues): Promise<ToldShrunk> {
  let told = performance.now()
  const small = await shrink({ options, invariant }, {
    runs: values.shrinkRuns,
    progress: ({ runs, peers, seconds, events }) => {
      if (performance.now() - told < PROGRESS_MS) return
      told = performance.now()
      if (values.json) printJson({ event: 'shrinking', seed: options.seed, runs, peers, seconds, events })
      else complain(`shrinking after ${runs} runs: ${peers} peers, ${seconds} s, ${events} events`)
    }
  })
  const { scene, violation, runs, story } = small
  const json = JSON.stringify(scene)
  const files = values.out === undefined ? [] : written(values.out, `seed-${options.seed}`, small)
  const again = files.length > 0 ? `p2pnet simulate --scene ${files[2]}`
    : json.length <= INLINE_MAX ? `p2pnet simulate --scene '${json}'` : ''
  return { scene, violation, runs, messages: story.messages, again, files }
}

export function tellShrunk({ scene, violation, runs, messages, again, files }: ToldShrunk): void {
  const { peers, only, seconds, schedule } = scene as Shrunk['scene']
  const { invariant, atMs } = violation as Shrunk['violation']
  print(`shrunk in ${runs} runs to ${only?.length ?? peers} peers, ${seconds} s, ${schedule?.length ?? 0} events: ${invariant} after ${(atMs / 1_000).toFixed(3)} s and ${messages} messages`)
  if (again !== '') print(`again: ${again}`)
  print(files.length > 0 ? `the story: ${files[0]}` : 'the story: give a folder, --out DIR')
}

function written(folder: string, name: string, { scene, violation, story, runs }: Shrunk): string[] {
  mkdirSync(folder, { recursive: true })
  const at = (extension: string): string => join(folder, `${name}.${extension}`)
  const page = [
    `# ${violation.invariant}`, '',
    `After ${(violation.atMs / 1_000).toFixed(3)} s: ${violation.message}`, '',
    `Shrunk in ${runs} runs. Again: \`p2pnet simulate --scene ${at('json')}\``, '',
    '```mermaid', story.diagram.trimEnd(), '```', ''
  ].join('\n')
  writeFileSync(at('md'), page)
  writeFileSync(at('log'), story.log)
  writeFileSync(at('json'), `${JSON.stringify(scene, undefined, 2)}\n`)
  return ['md', 'log', 'json'].map(at)
}
