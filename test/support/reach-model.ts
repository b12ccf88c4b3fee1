/**
 * Every state that a small committee can be in, as far as it matters for how far each validator may
 * have signed: how many CommitQCs each has, in which view it is, which anchor the lost one has.
 *
 * It allows more than the protocol does: a validator that has been in a place counts as a signer of
 * everything there, liars sign everything, messages arrive in any order or never. So a bound that
 * holds here holds in the protocol.
 */

/** The lost validator, and what the honest others are expecting next, ascending. */
export interface Reached {
  /** The road that it is in: it has the CommitQCs of all roads before. */
  readonly road: number;
  readonly view: number;
  /** The road of its anchor; -1: none. */
  readonly anchor: number;
  readonly others: readonly number[];
}

export interface Committee {
  readonly validators: number;
  /** Others that lie: they sign anything, and answer low. */
  readonly liars: number;
  readonly roads: number;
  readonly views: number;
}

interface Node {
  readonly road: number;
  readonly view: number;
}

/** All reachable states; `explored` counts those that differ in views of others, too. */
export function reachable({ validators, liars, roads, views }: Committee): {
  readonly states: readonly Reached[];
  readonly explored: number;
} {
  const quorum = validators - Math.floor((validators - 1) / 3);
  const honest = validators - 1 - liars;
  const start = { lost: { road: 0, view: 0 }, anchor: -1, others: Array<Node>(honest).fill({ road: 0, view: 0 }) };
  const seen = new Set<string>();
  const states = new Map<string, Reached>();
  const queue = [start];
  const add = (state: typeof start) => {
    const others = [...state.others].sort((a, b) => a.road - b.road || a.view - b.view);
    const key = JSON.stringify([state.lost.road, state.lost.view, state.anchor, ...others.map(numberOf)]);
    if (seen.has(key)) return;
    seen.add(key);
    queue.push({ ...state, others });
    const reached = { ...state.lost, anchor: state.anchor, others: others.map(({ road }) => road) };
    states.set(JSON.stringify(reached), reached);
  };
  const numberOf = ({ road, view }: Node) => road * (views + 1) + view;
  add(queue.pop() as typeof start);
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    const { lost, anchor, others } = state;
    const nodes = [lost, ...others];
    const signers = (at: Node) => nodes.filter((node) => numberOf(node) >= numberOf(at)).length + liars;
    const moves = (node: Node): Node[] => {
      const found: Node[] = [];
      const { road, view } = node;
      // CommitQCs, of its road and of later ones, whose AppQC it is sent.
      for (let at = road; at < roads; at++) {
        if (signers({ road: at, view: 0 }) < quorum) continue;
        if (at === road || signers({ road: at + 1, view: 0 }) >= quorum) found.push({ road: at + 1, view: 0 });
      }
      // The TimeoutQC of its view, or the PrepareQC of a later one.
      for (let later = view + 1; later <= views; later++) {
        if (signers({ road, view: later }) >= quorum) found.push({ road, view: later });
      }
      if (view < views && signers(node) >= quorum) found.push({ road, view: view + 1 });
      return found;
    };
    for (const moved of moves(lost)) add({ lost: moved, anchor, others });
    for (const [i, other] of others.entries()) {
      for (const moved of moves(other)) add({ lost, anchor, others: others.with(i, moved) });
    }
    // An AppQC: its signers have the CommitQC of its road.
    for (let at = anchor + 1; at < lost.road; at++) {
      if (signers({ road: at + 1, view: 0 }) >= quorum) add({ lost, anchor: at, others });
    }
  }
  return { states: [...states.values()], explored: seen.size };
}

/** The lowest that `count` answers may lead to: what the highest of them expects next. */
export function lowestAnswer({ others }: Reached, liars: number, count: number): number {
  // All liars, which answer 0, and the honest validators with the least progress.
  const honest = Math.max(0, count - liars);
  return honest === 0 ? 0 : (others[honest - 1] as number);
}

/** A message of the lost validator's own lane, sent to one peer. */
export interface Sent {
  readonly kind: 'block' | 'vote';
  readonly number: number;
  readonly peer: number;
  /**
   * `waiting`: received, and not taken yet, for a block before it is missing or the lane has no
   * room; `under way`: not received when the peer answers.
   */
  readonly state: 'never' | 'under way' | 'waiting' | 'held';
}

/** Every way in which two own blocks, and votes for the last one, may have reached three peers. */
export function* ownMessages(): Generator<readonly Sent[]> {
  const places = [1, 2].flatMap((number) =>
    [0, 1, 2].flatMap((peer) => [
      { kind: 'block', number, peer } as const,
      ...(number === 2 ? [{ kind: 'vote', number, peer } as const] : []),
    ]),
  );
  const states = { block: ['never', 'under way', 'waiting', 'held'], vote: ['never', 'under way', 'held'] } as const;
  const total = places.reduce((product, { kind }) => product * states[kind].length, 1);
  for (let n = 0; n < total; n++) {
    let rest = n;
    const sent: Sent[] = places.map((place) => {
      const options = states[place.kind];
      const state = options[rest % options.length] as Sent['state'];
      rest = Math.floor(rest / options.length);
      return { ...place, state };
    });
    // A peer holds a block only with the one before it.
    const isHeld = (number: number, peer: number) =>
      sent.some((one) => one.kind === 'block' && one.number === number && one.peer === peer && one.state === 'held');
    if ([0, 1, 2].every((peer) => !isHeld(2, peer) || isHeld(1, peer))) yield sent;
  }
}
