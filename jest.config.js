import { availableParallelism } from 'node:os'

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      swcrc: false,
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    }],
  },
  // Tests import from @jest/globals, which is typed.
  injectGlobals: false,
  // The default leaves a core idle, which on two cores is half the machine. A container sees all cores, though it may have the time of two.
  maxWorkers: Math.min(4, availableParallelism()),
  // Ends what hangs, and promises nothing: tests with real sockets and child processes share those cores with whatever else runs.
  testTimeout: 180_000,
}
