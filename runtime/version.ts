import { createRequire } from 'node:module'

/** The library's version, as in package.json. */
export function version(): string {
  // By the package's own name, because this file is one folder deeper in dist/ than in the source.
  return (createRequire(import.meta.url)('p2pnet/package.json') as { version: string }).version
}
