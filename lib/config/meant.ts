// What was probably meant by text that looks like another program's syntax.

/** Whether text reads as if a comment began in it. Texts may contain `;` and `#`, so this is not certain. */
export function hasComment(text: string): boolean {
  return /\s;|\s#\s/.test(text);
}

/** Help for text that is wrong, if it looks like a comment or has one. */
export function commentHelp(text: string): string[] {
  if (/^(#|\/\/|--\s)/.test(text)) return ["a comment begins with ';'"];
  return trailingCommentHelp(text);
}

/** Help for a value that is wrong, if it looks as if a comment followed it. */
export function trailingCommentHelp(text: string): string[] {
  return /\s[;#]|\s\/\/\s/.test(text) ? ["a comment needs a line of its own, which begins with ';'"] : [];
}

/** A channel's name with its ranges in braces, if it has one without; otherwise undefined. */
export function withBraces(channel: string): string | undefined {
  // Nothing is tried again within a run of digits or after an open brace, which would take quadratic time.
  const outside = /(\{[^}]*(?:\}|$))|((?<!\d)\d+\.\.\d+)/g;
  const meant = channel.replace(outside, (whole, _inside, range) => (range === undefined ? whole : `{${range}}`));
  return meant === channel ? undefined : meant;
}

/** Help for the name of a channel that is wrong. */
export function channelHelp(channel: string): string[] {
  const meant = withBraces(channel);
  return [...(meant === undefined ? [] : [`did you mean '${meant}'?`]), ...commentHelp(channel)];
}
