package php

import "os"

// socketPathMaxBytes is no limit: there are no sockets in the folder on Windows.
const socketPathMaxBytes = 1 << 15

// lockFolder does nothing: folders cannot be locked on Windows.
func lockFolder(string) (*os.File, error) { return nil, nil }

func lockShared(*os.File) error { return nil }

// lockAlone cannot tell.
func lockAlone(*os.File) bool { return false }
