/**
 * What a message of a failed run says without what belongs to that run alone: numbers, members, keys with their values.
 * Two runs that fail by one rule give the same text.
 */
export function ruleOf(message: string): string {
  const [first = ''] = message.split('\n');
  return first
    .replace(/[{[].*[\]}]/g, '{..}')
    .replace(/"[^"]*"/g, '".."')
    .replace(/\bv\d+\.*/g, 'V')
    .replace(/[\w./]+=[^\s,;]*/g, 'K=V')
    .replace(/\b(config|lock|account|leased|queue)\/\w*/g, 'K')
    .replace(/\b[0-9a-f]{12,}\b/g, 'N')
    .replace(/\b[a-i]\d*\b/g, 'M')
    .replace(/\d+(\.\d+)*/g, 'N')
    .replace(/\bundefined\b/g, 'N')
    .replace(/\s+/g, ' ')
    .trim();
}
