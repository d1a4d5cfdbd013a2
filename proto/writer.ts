import protobuf, { type Writer } from 'protobufjs/minimal.js'

/**
 * Half of a surrogate pair, as text has where it was cut within an emoji, is no UTF-8. The writer of protobufjs writes it
 * all the same in short texts, and no reader takes it: it would end the link, or the log. Here it becomes U+FFFD.
 */
class WellFormedWriter extends protobuf.BufferWriter {
  override string(value: string): Writer {
    return super.string(typeof value === 'string' && !value.isWellFormed() ? value.toWellFormed() : value)
  }
}

/** A writer for whatever others read: given to the `encode` of a message class. */
export function messageWriter(): Writer {
  return new WellFormedWriter()
}
