// The four floors: runtime > actors > machines > proto. Every import runs down. Tests are exempt.
const npm = (...names) => `^node_modules/(${names.join('|')})/`

module.exports = {
  forbidden: [
    {
      name: 'proto-is-the-ground',
      comment: 'proto/ imports only protobufjs and itself.',
      severity: 'error',
      from: { path: '^proto/' },
      to: { pathNot: ['^proto/', npm('protobufjs', 'long')] }
    },
    {
      name: 'machines-are-pure',
      comment: 'machines/ imports only xstate, proto/ and itself.',
      severity: 'error',
      from: { path: '^machines/' },
      to: { pathNot: ['^machines/', '^proto/', npm('xstate')] }
    },
    {
      name: 'actors-never-import-the-runtime',
      comment: 'actors/ defines the seam; the runtime implements it.',
      severity: 'error',
      from: { path: '^actors/' },
      to: { path: '^runtime/' }
    },
    {
      name: 'kernel-is-pure',
      comment: 'runtime/kernel/ does no I/O: of Node it sees only node:crypto, for hashing.',
      severity: 'error',
      from: { path: '^runtime/kernel/' },
      to: {
        pathNot: ['^runtime/kernel/', '^actors/seam/', '^machines/', '^proto/', '^(node:)?crypto$', npm('xstate', 'rxjs', 'nanoid', 'protobufjs')]
      }
    },
    {
      name: 'sources-only-import-sources',
      comment: 'What is published does not lean on tests, examples, scripts or development dependencies.',
      severity: 'error',
      from: { path: '^(runtime|actors|machines|proto)/' },
      to: { path: '^(test|examples|scripts|dist)/' }
    },
    {
      name: 'no-development-dependency',
      comment: 'What is published is installed without devDependencies.',
      severity: 'error',
      from: { path: '^(runtime|actors|machines|proto)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: ['^node_modules/(@types|long)/'] }
    },
    { name: 'no-circular', comment: 'A cycle has no bottom floor.', severity: 'error', from: {}, to: { circular: true } },
    { name: 'not-to-unresolvable', comment: 'Every import leads somewhere.', severity: 'error', from: {}, to: { couldNotResolve: true } }
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|node_modules/\\.cache)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] }
  }
}
