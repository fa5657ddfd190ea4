package watch

// foldersMax bounds the folders of a Watcher: each costs the kernel about a KiB,
// and a user may have no more than 8192 on older systems.
const foldersMax = 8000
