package php

func (p *proc) stoke(*life) error { return nil }
