/** Thrown when the store of a data folder cannot be used; `code` is what DirectoryFailed has. */
export class DirectoryStoreError extends Error {
  override name = 'DirectoryStoreError'
  readonly code: 'store-in-use' | 'store-taken' | 'store-version' | 'store-damaged' | 'store-failed'

  constructor(code: DirectoryStoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Thrown when another process that runs has the store open to write. */
export class DirectoryInUseError extends DirectoryStoreError {
  override name = 'DirectoryInUseError'

  constructor(folder: string, pid: number) {
    super('store-in-use', `the peer directory in ${folder} is in use by process ${pid}: give each peer a data folder of its own with --data`)
  }
}

/** Thrown at a write when another process has taken the store over. */
export class DirectoryTakenError extends DirectoryStoreError {
  override name = 'DirectoryTakenError'

  constructor(folder: string, pid: number) {
    super('store-taken', `process ${pid} has taken the peer directory in ${folder} over: give each peer a data folder of its own with --data`)
  }
}

/** Thrown for a store that a newer version of this library has written. */
export class DirectoryVersionError extends DirectoryStoreError {
  override name = 'DirectoryVersionError'

  constructor(folder: string, schema: number, known: number) {
    super('store-version', `the peer directory in ${folder} has schema ${schema}, this version knows up to ${known}: update p2pnet, or move that folder away to begin a new directory`)
  }
}
