// `node --import ./scripts/ts.mjs file.ts` runs TypeScript from source: benchmarks, fuzzing, examples.
import { register } from 'node:module'

register('./ts-hooks.mjs', import.meta.url)
