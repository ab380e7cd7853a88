"""A task against a plain model of it: events, reports and their epochs."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.protocol.household import task
from tests.protocol.properties import legal_events

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.task import TERMINAL, Epoch, Event, Result, State, Task, advance, report

EVENTS = st.sampled_from(Event)
RESULTS = st.none() | st.builds(Result, text=st.text(max_size=5))
TABLE = legal_events()


class Tasks(RuleBasedStateMachine):
    """The model is five plain values; every copy that ever was is kept to be compared."""

    def __init__(self) -> None:
        super().__init__()
        self.task = task()
        self.state, self.version, self.custody, self.lease = "offered", 0, 1, 1
        self.text: str | None = None
        self.past: list[Task] = []

    def follow(self, events: list[Event], result: Result | None) -> ErrorCode | None:
        """Move the model; say with which code it would be refused, and then move nothing."""
        state, version, lease, text = self.state, self.version, self.lease, self.text
        for number, event in enumerate(events):
            following = TABLE.get((State(state), event))
            if following is None:
                return ErrorCode.EXPIRED if State(state) in TERMINAL else ErrorCode.OUT_OF_ORDER
            state, version = following, version + 1
            lease += event is Event.RELEASE
            if result is not None and number == len(events) - 1:
                text = result.text
        self.state, self.version, self.lease, self.text = state, version, lease, text
        return None

    @initialize(state=st.sampled_from(State))
    def stands_somewhere(self, state: State) -> None:
        self.state, self.task = state, task(state=state)

    @rule(event=EVENTS, result=RESULTS)
    def keeper_moves_it(self, event: Event, result: Result | None) -> None:
        before, expected = self.task, self.follow([event], result)
        try:
            self.task = advance(self.task, event, result)
            assert expected is None
            self.past.append(before)
        except ProtocolError as refusal:
            assert refusal.code is expected

    @precondition(lambda self: State(self.state) not in TERMINAL)
    @rule(data=st.data(), result=RESULTS)
    def something_legal_happens(self, data: st.DataObject, result: Result | None) -> None:
        legal = [event for state, event in TABLE if state == self.state]
        self.keeper_moves_it(data.draw(st.sampled_from(legal)), result)

    @rule(
        custody=st.integers(-1, 1),
        lease=st.integers(-1, 1),
        events=st.lists(EVENTS, max_size=4, unique=True),
        result=RESULTS,
    )
    def worker_reports(
        self, custody: int, lease: int, events: list[Event], result: Result | None
    ) -> None:
        epoch = Epoch(self.custody + custody, self.lease + lease)
        if custody or lease:
            expected: ErrorCode | None = ErrorCode.STALE_EPOCH
        else:
            expected = self.follow(events, result)
        before = self.task
        try:
            self.task = report(self.task, epoch, events, result)
            assert expected is None
            if events:
                self.past.append(before)
        except ProtocolError as refusal:
            assert refusal.code is expected

    @rule()
    def custody_moves(self) -> None:
        self.past.append(self.task)
        self.custody += 1
        self.task = self.task.model_copy(update={"custody": self.custody})

    @invariant()
    def the_task_is_as_the_model_says(self) -> None:
        known = (self.task.state, self.task.version, *self.task.epoch)
        assert known == (self.state, self.version, self.custody, self.lease)
        assert (self.task.result.text if self.task.result else None) == self.text
        assert self.task.done is (self.task.state in TERMINAL)

    @invariant()
    def it_is_newer_than_every_copy_before(self) -> None:
        for old in self.past[-5:]:
            assert self.task.newer_than(old)
            assert not old.newer_than(self.task)

    @invariant()
    def who_and_what_it_is_never_changes(self) -> None:
        first = task()
        changing = {"state", "version", "custody", "lease", "result"}
        assert self.task.model_dump(exclude=changing) == first.model_dump(exclude=changing)


TestTasks = Tasks.TestCase
TestTasks.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
