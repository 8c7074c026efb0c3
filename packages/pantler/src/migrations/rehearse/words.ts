/** A file's place in few words: the migration's file name says where it is. */
export function placeOf({ file, line }: { readonly file: string; readonly line: number }): string {
  return `${file.slice(file.lastIndexOf("/") + 1)}:${line}`;
}
