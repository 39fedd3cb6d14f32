export interface Event {
  readonly instance: string;
  readonly channel: string;
  readonly value: number;
}

/** Splits a round into batches: runs of events for one instance, in order of delivery. */
export type Grouping = (round: readonly Event[]) => Event[][];

/** Instances in order of their first event; each gets its events in order. */
export const stable: Grouping = (round) => {
  const batches = new Map<string, Event[]>();
  for (const event of round) {
    const batch = batches.get(event.instance);
    if (batch === undefined) batches.set(event.instance, [event]);
    else batch.push(event);
  }
  return [...batches.values()];
};

/**
 * What MIDIMonster does: an instance's events change places with whatever stands behind its batch. That batch is in
 * order; events that were moved out of its way may overtake each other.
 */
export const swapped: Grouping = (round) => {
  const events = [...round];
  const batches: Event[][] = [];
  let start = 0;
  while (start < events.length) {
    let end = start + 1;
    for (let i = end; i < events.length; ++i) {
      if (events[i]?.instance !== events[start]?.instance) continue;
      [events[i], events[end]] = [events[end] as Event, events[i] as Event];
      ++end;
    }
    batches.push(events.slice(start, end));
    start = end;
  }
  return batches;
};
