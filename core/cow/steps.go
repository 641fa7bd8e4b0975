package cow

type Step struct{}

func (o *Outcome) steps() {}
