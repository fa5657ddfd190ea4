package php

// listeningSockets returns none: there is no php-fpm on Windows.
func listeningSockets() []string { return nil }

// trustedListener trusts nobody: php-fpm in a container is configured by address.
func trustedListener(FPMAddress) error { return ErrUnsupported }
