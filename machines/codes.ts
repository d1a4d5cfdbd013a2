/**
 * What a dialer does after a link ended with a code: `soon` dials again with growing waits, `late`
 * waits the longest wait at once, `never` waits until the peer is heard again.
 */
export type Retry = 'soon' | 'late' | 'never'

/** What a code says to a person and to a dialer. */
export interface CodeEntry {
  /** What happened, in one sentence. */
  readonly means: string
  /** What a person can do about it. */
  readonly advice: string
  /** The same on the side that decided, where the advice is for the other one alone. */
  readonly adviceHere?: string
  readonly retry: Retry
  /** One side did not want the other; everything else is nobody's will or nobody's fault. */
  readonly refusal: boolean
}

function happened(means: string, advice: string, retry: Retry = 'soon'): CodeEntry {
  return { means, advice, retry, refusal: false }
}

function refused(means: string, advice: string, retry: Retry = 'late'): CodeEntry {
  return { means, advice, retry, refusal: true }
}

/**
 * Every code with which a dial, a link or a verification ends. Codes are stable: scripts and other
 * versions rely on them. docs/codes.md lists the same, which a test holds together.
 */
export const CODES = {
  // While dialling.
  'dial-refused': happened('Nothing listens at that address and port.', 'Check that the peer runs and which port it listens on.'),
  'dial-reset': happened('Something there takes connections, and ended ours at once.', 'Ask the doctor at its side: it may block our address, or be called too often; or another program answers there.'),
  'dial-unreachable': happened('The network knows no way to that address.', 'Check the cable, the address and the routes.'),
  'dial-timeout': happened('The address did not answer in time.', 'Check the address and whether a firewall drops the packets.'),
  'dial-failed': happened('The connection could not be opened for another reason.', 'The reason beside this code names the system error.'),
  'blocked-address': {
    ...refused('The policy of one side blocks the address of the other.', 'Unblock it there with the command unblock, or take it out of its --policy.'),
    adviceHere: 'Unblock it here with the command unblock, or take it out of --block and --policy here.'
  },
  'accept-rate': refused('That address called more often than is taken from one.', 'Find out what calls from there again and again; raise acceptPerSecond of the listener for many peers behind one address.', 'soon'),
  'accept-rate-all': refused('More callers came than are taken from all addresses together.', 'Find out who calls; raise acceptPerSecondAll of the listener for a large network.', 'soon'),
  'dial-budget': happened('That address was dialled as often as is allowed for a while.', 'Wait; it is dialled again when the peer is heard.', 'never'),
  'no-address': happened('No address of the peer is known.', 'Wait until it is heard, or name it with --peer.', 'never'),

  // While securing.
  'tls': happened('The TLS handshake failed.', 'Check that the other side is a p2pnet peer; the reason beside this code names the TLS error.'),
  'tls-timeout': happened('The TLS handshake took too long.', 'Check whether the other side is overloaded or the path loses packets.'),
  'tls-version': refused('The other side does not speak TLS 1.3.', 'Check the port: another program may answer there.'),
  'alpn': refused('The other side speaks TLS, but not this protocol.', 'Check the port: another program answers there.'),
  'no-certificate': refused('The other side showed no certificate.', 'Check the port: another program may answer there.'),
  'key-type': refused('The key of the other side is not an Ed25519 key.', 'Check that both run p2pnet.'),
  'resumed': refused('The other side resumed an earlier TLS session, in which nobody proves a key.', 'Check that both run unmodified versions.'),
  'aborted': happened('The attempt was given up on this side.', 'Nothing.'),
  'wrong-key': refused('Another peer than the expected one answered.', 'Check the PeerId; the address may have gone to another peer.'),
  'self': refused('The peer reached itself.', 'Remove its own address from --peer.', 'never'),

  // While identifying.
  'identify-timeout': happened('The other side did not identify itself in time.', 'Check whether it is overloaded.'),
  'other-network': refused('The other side belongs to another network.', 'Give both the same --network, and the same key where there is one.'),
  'version': refused('Both sides share no version of the protocol.', 'Update the older one.'),
  'busy': happened('Too many links were being opened at once.', 'Nothing: it is dialled again.'),
  'too-many-links': refused('The peer holds as many links as it wants.', 'Raise --max-links at the peer that is full, or wait until it has room.'),
  'address-full': {
    ...refused('The peer holds as many links from that address as it allows.', 'Raise maxPerAddress or maxPerPrivateAddress there, or name this peer with --peer there.'),
    adviceHere: 'Raise maxPerAddress or maxPerPrivateAddress here, or name it with --peer here.'
  },
  'subnet-full': {
    ...refused('The peer holds as many links from that network as it allows.', 'Raise maxPerSubnet or maxPerPrivateSubnet there, or name this peer with --peer there.'),
    adviceHere: 'Raise maxPerSubnet or maxPerPrivateSubnet here, or name it with --peer here.'
  },
  'blocked': {
    ...refused('The policy of one side blocks the PeerId of the other.', 'Unblock it there with the command unblock, or take it out of its --policy.'),
    adviceHere: 'Unblock it here with the command unblock, or take it out of --block and --policy here.'
  },
  'no-inbound': refused('The peer accepts no links that others dial.', 'Nothing: it dials others itself.', 'never'),

  // While verifying.
  'ping-timeout': refused('A verification ping was not answered in time.', 'Check whether the peer is overloaded or the path loses packets.', 'soon'),
  'verify-timeout': refused('Verification took too long.', 'Check what the verification step is waiting for.', 'soon'),
  'verify-failed': refused('Verification failed.', 'The reason beside this code says which step and why.'),
  'step-failed': refused('A verification step could not be started, or broke down.', 'Give createPeer the definition of every step it is told to run, and look at the log of whose step it is.'),
  'step-timeout': refused('A verification step did not come to an end in time.', 'Check whether the other side is overloaded, or what it waits for.', 'soon'),
  'step-order': refused('A message of a verification step came twice, out of turn or malformed.', 'Check that both run unmodified versions.'),
  'steps-differ': refused('One side demands a verification step in which the other cannot take part.', 'Give both the same --trust, and what its steps need.'),
  'proof-wrong': refused('The other side did not prove the network key in this session.', 'Give both the same key; somebody in between, or an old proof, fails like this too.'),
  'proof-reflected': refused('The other side sent our own proof back to us.', 'Somebody without the key tries to pass; check who is at that address.'),
  'not-allowed': refused('The PeerId is not on the list of those that are allowed.', 'Allow it with --allow.'),
  'not-approved': refused('Somebody refused the peer when asked.', 'Approve it with the command approve.'),
  'pending-timeout': refused('Nobody decided about the peer in time.', 'Approve it with the command approve; it dials again.'),
  'certificate-missing': refused('The other side showed no certificate of its identity.', 'Give it one with --certificate.'),
  'certificate-malformed': refused('The certificate of the other side cannot be read.', 'Have it issued anew.'),
  'certificate-untrusted': refused('The certificate is of an authority that is not trusted here.', 'Trust it with --authority, or have one issued by a trusted one.'),
  'certificate-forged': refused('A signature on the certificate, or of its holder in this session, is not right.', 'Somebody tries to pass for another; check who is at that address.'),
  'certificate-of-other': refused('The certificate is that of another peer.', 'Give each peer its own certificate.'),
  'certificate-early': refused('The certificate is not valid yet.', 'Check the clocks of both machines.'),
  'certificate-expired': refused('The certificate is not valid any more.', 'Have it issued anew, and check the clocks of both machines.'),
  'enhance-timeout': happened('The other side did not finish verifying us in time.', 'Look at its log for what it waits for.', 'late'),
  'queue-full': {
    ...refused('As many peers wait to be taken as may.', 'Take them sooner there, or raise inboundQueueLimit of its policy.', 'soon'),
    adviceHere: 'Take them sooner here, or raise inboundQueueLimit of the policy here.'
  },

  // On a link.
  'lost': happened('The connection broke without a goodbye.', 'Check the network; the other process may have been killed.'),
  'closed': happened('The other side closed the connection without a goodbye.', 'Check whether its process ended, or whether it is full or blocks us: ask the doctor at its side.'),
  'keepalive-timeout': happened('The other side stopped answering pings.', 'Check the cable; the other machine may be asleep or off.'),
  'overloaded': happened('The other side took nothing for too long, while much waited for it.', 'Look at what keeps that machine busy, or send less.'),
  'malformed': refused('A frame could not be decoded.', 'Check that both run unmodified versions.'),
  'protocol': refused('Messages came that the link did not allow yet, or that nobody knows.', 'Register the message types on both sides.'),
  'level': refused('A message came that may not pass at the level of the link yet.', 'Send it once the peer is verified.'),
  'unknown-type': refused('A message came whose type was not announced.', 'Register the message types on both sides.'),
  'idle': happened('Nothing passed for as long as the link may be idle.', 'Raise idleMs, or 0 to keep idle links.', 'never'),

  'trust-revoked': happened('Trust in the peer was withdrawn; the link stays, at the level at which peers verify each other.', 'Verify it anew, or wait until the other side does.', 'never'),

  // While listening.
  'address-in-use': happened('Another program listens at that address and port.', 'Choose another port, or port 0 for a free one.'),
  'address-not-here': happened('This machine does not have that address.', 'Listen at an address of this machine.'),
  'port-not-permitted': happened('Listening at that port is not permitted.', 'Choose a port above 1023.'),
  'host-unknown': happened('A host name has no address.', 'Give an IP address, or check the name.'),
  'no-interface': happened('No interface of that name has an address.', 'Name an interface of this machine that is up.'),
  'listen-failed': happened('Listening failed for another reason.', 'The reason beside this code names the system error.'),

  // Goodbyes.
  'shutdown': happened('The peer went down in order.', 'Nothing: it is dialled when it is heard again.', 'never'),
  'trimmed': happened('The peer holds as many links as it wants, and keeps others before this one.', 'Nothing: the network stays connected through the others. Raise --max-lan-links at the side that decided for more links.', 'never'),
  'dropped': refused('A person dropped the peer.', 'Wait a minute; then it can be dialled again.', 'never'),
  'duplicate': happened('Another link between the same two peers was kept.', 'Nothing.', 'never'),
  'superseded': happened('The peer started anew and has a newer link.', 'Nothing; where two processes share a data folder, give each its own.', 'never'),
  'internal': happened('An actor failed; this is a bug.', 'Please report it with the log.', 'soon'),

  // Why a peer is not even dialled, or what stands behind another code.
  'interface-gone': happened('The interface of this machine that led there went down.', 'Check the cable or the radio of this machine.', 'never'),
  'clock-behind': refused('It says that it began before an earlier life of it did: its clock went back, or two machines share one identity.', 'Set the clock of that machine, or give each machine its own --data; a link by --peer comes about meanwhile.', 'never'),
  'clock-ahead': refused('It signs records of the future: its clock is ahead, or ours is behind.', 'Compare the clocks of both machines.', 'never'),
  'links-full': happened('This side holds as many links as it may, and dials nobody further.', 'Raise --max-links here, or drop a peer.', 'never'),
  'outbound-full': happened('As many links as may be were dialled from this side.', 'Raise maxOutbound of the link keeper here, or let the other side dial.', 'never'),
  'lan-full': happened('This side has as many links on the local network as it looks for.', 'Nothing: the network stays connected through the others. Raise --max-lan-links here for more links.', 'never'),
  'wan-full': happened('This side has as many links beyond the local network as it looks for.', 'Nothing: the network stays connected through the others. Raise --max-wan-links here for more links.', 'never'),
  'dials-full': happened('As many dials are under way from this side as may be.', 'Nothing: it is dialled when others end. Raise maxDials of the link keeper here for more at once.', 'never'),
  'dial-wait': happened('It is left alone for a while, since one side refused or dropped the other, or had no room.', 'Nothing: it is dialled when that time is over.', 'never'),
  'not-heard': happened('Nobody announced that peer on the local network.', 'Check that it runs, on the same network, and that its firewall and ours let UDP 8001 to 8003 in; or try its place, HOST:PORT.', 'never')
} as const satisfies Readonly<Record<string, CodeEntry>>

export type Code = keyof typeof CODES

const unknown: CodeEntry = refused('The other side ended the link for a reason of its own.', 'The reason beside the code is all that is known.')

/** The entry of a code; of codes that only the other side knows, a cautious one: a refusal, retried late. */
export function codeEntry(code: string): CodeEntry {
  return Object.hasOwn(CODES, code) ? CODES[code as Code] : unknown
}

/** A code that came from outside, or `verify-failed` where it is not one: lower-case words and hyphens, up to 64 characters. */
export function cleanCode(code: string): string {
  return /^[a-z][a-z0-9-]{0,63}$/.test(code) ? code : 'verify-failed'
}
