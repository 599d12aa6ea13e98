/**
 * Text from outside (a manifest, a server's answer, a file's name) on its way to a screen: whatever could move the
 * cursor, change a colour or hide what a line says becomes a visible mark.
 */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\u{fffd}');

/** The same for texts of several lines, such as a changelog; line ends stay. */
export const printableLines = (text: string): readonly string[] => text.split(/\r\n|\r|\n/).map(printable);
