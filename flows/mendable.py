"""What a person can mend: every fault that a command tells in one line, with exit code 2."""

from flows.brokers.choosing import NoBroker
from flows.brokers.port import Unusable
from flows.engine.metrics import TakenPort
from flows.engine.placing import NoAccount
from flows.engine.recording import NoBeginning
from flows.engine.recovery import BrokenState, OtherSettings
from flows.engine.state import BadState
from flows.feeds.alpaca.faults import BadDays, Unanswered, WrongKeys
from flows.feeds.choosing import NoFeed
from flows.feeds.faults import BadFaults
from flows.feeds.recorded import EmptyFeed
from flows.market.plan import BadMarket
from flows.records.engines import NoEngine
from flows.records.faults import UnusableDatabase
from flows.records.story import NoSignal
from flows.runs import BadTapes
from flows.settings import BadSettings
from flows.tape.columns import BadBars
from flows.tape.frames import Corrupt, NotATape, WrongVersion
from flows.tape.history_files import BadHistory
from flows.tape.lean_files import BadLean
from flows.tape.pace import BadSpeed
from flows.tape.signals_file import BadSignals

FILES = (BadBars, BadHistory, BadLean, BadSignals, BadTapes, Corrupt, NotATape, WrongVersion)
BROKERS = (NoAccount, NoBroker, Unusable, BadDays, Unanswered, WrongKeys)
ENGINES = (BadFaults, BadState, BrokenState, EmptyFeed, NoBeginning, NoEngine, NoFeed, OtherSettings, TakenPort)
OTHERS = (BadMarket, BadSettings, BadSpeed, NoSignal, UnusableDatabase)
SYSTEM = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
FAULTS: tuple[type[Exception], ...] = (*FILES, *BROKERS, *ENGINES, *OTHERS, *SYSTEM)
