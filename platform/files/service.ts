export type { Chunk } from './storage.ts'
export { hasBlob, missingChunks, openBlob, putBlob, putChunks, readChunk, removeBlob, removeChunks, requireRoom, sweepChunks } from './storage.ts'
export { type Volume, volumesOf } from './volumes.ts'
export { dropUpload, expireUploads, takeUpload } from './uploads.ts'
