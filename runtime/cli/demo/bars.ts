import { MultiBar, type SingleBar } from 'cli-progress'
import { bytes, cell } from '../legible.ts'

/** A progress bar for each receiver of a file. */
export interface Bars {
  progress(name: string, done: number): void
  close(): void
}

const noBars: Bars = { progress: () => {}, close: () => {} }

/** Bars on a terminal; elsewhere none, since the outcome is told anyway. */
export function bars(names: readonly string[], size: number, shown: boolean): Bars {
  if (!shown || process.stdout.isTTY !== true) return noBars
  const all = new MultiBar({
    stream: process.stdout,
    format: (_options, { progress, value }, { name }: { name: string }) => {
      const width = 24
      const full = Math.round(progress * width)
      return `  ${cell(name, 6)} ${'█'.repeat(full)}${'░'.repeat(width - full)} ${cell(`${Math.floor(progress * 100)} %`, 5, 'right')} ${bytes(value)}`
    },
    hideCursor: true,
    clearOnComplete: false
  })
  const each = new Map<string, SingleBar>(names.map(name => [name, all.create(size, 0, { name })]))
  return {
    progress: (name, done) => each.get(name)?.update(done),
    close: () => all.stop()
  }
}
