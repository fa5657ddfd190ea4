package php

// slowLog is nothing on Windows, where there is no php-fpm.
type slowLog struct{}

func openSlowLog(string, func(SlowRequest)) (*slowLog, error) { return nil, ErrUnsupported }

func (s *slowLog) close() error { return nil }
