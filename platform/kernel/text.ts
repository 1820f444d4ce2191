import { z } from 'zod'

/** Nothing that a line of a page, a log or a file name would not show as it is: no control signs, no changes of direction, no line breaks. */
const SHOWN = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]*$/u

/** One line of text that people read, of 1 to `most` signs, without blanks around it. */
export const oneLine = (most: number) => z.string().trim().min(1).max(most).regex(SHOWN)
