BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
) STRICT;
INSERT INTO "_sqlite_migrations" VALUES(1,'people','m001_first_tables','2026-12-01 05:01:41.726969+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'people','m002_waiting_is_sealed','2026-12-01 05:01:41.727948+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'received','m001_how_it_fared','2026-12-01 05:01:41.730325+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'received','m002_set_aside','2026-12-01 05:01:41.731003+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'inbox','m001_seal','2026-12-01 05:01:41.732013+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'questions','m001_questions','2026-12-01 05:01:41.732792+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'shown messages','m001_shown_messages','2026-12-01 05:01:41.733698+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'shown messages','m002_told','2026-12-01 05:01:41.734096+00:00');
INSERT INTO "_sqlite_migrations" VALUES(9,'schedules','m001_zones_and_check_ins','2026-12-01 05:01:41.735208+00:00');
INSERT INTO "_sqlite_migrations" VALUES(10,'music','m001_readings_playlists_shown','2026-12-01 05:01:41.736524+00:00');
INSERT INTO "_sqlite_migrations" VALUES(11,'music','m002_places_and_pool','2026-12-01 05:01:41.737301+00:00');
INSERT INTO "_sqlite_migrations" VALUES(12,'music','m003_evidence','2026-12-01 05:01:41.737632+00:00');
INSERT INTO "_sqlite_migrations" VALUES(13,'music','m004_relaxed','2026-12-01 05:01:41.737955+00:00');
INSERT INTO "_sqlite_migrations" VALUES(14,'preferences','m001_preferences','2026-12-01 05:01:41.739066+00:00');
INSERT INTO "_sqlite_migrations" VALUES(15,'preferences','m002_playlists_that_stay','2026-12-01 05:01:41.739545+00:00');
INSERT INTO "_sqlite_migrations" VALUES(16,'shifts','m001_shifts_and_resets','2026-12-01 05:01:41.740776+00:00');
INSERT INTO "_sqlite_migrations" VALUES(17,'moods after','m001_moods_after','2026-12-01 05:01:41.741866+00:00');
INSERT INTO "_sqlite_migrations" VALUES(18,'gone','m001_gone_tracks','2026-12-01 05:01:41.742915+00:00');
INSERT INTO "_sqlite_migrations" VALUES(19,'standing','m001_standing','2026-12-01 05:01:41.744237+00:00');
INSERT INTO "_sqlite_migrations" VALUES(20,'standing','m002_written','2026-12-01 05:01:41.744471+00:00');
INSERT INTO "_sqlite_migrations" VALUES(21,'spotify','m001_first_tables','2026-12-01 05:01:41.746290+00:00');
INSERT INTO "_sqlite_migrations" VALUES(22,'spotify','m002_cooldown_of_each_app','2026-12-01 05:01:41.746697+00:00');
INSERT INTO "_sqlite_migrations" VALUES(23,'sealing','m001_bind','2026-12-01 05:01:41.747906+00:00');
INSERT INTO "_sqlite_migrations" VALUES(24,'authorizations','m001_arrivals_and_apps','2026-12-01 05:01:41.749479+00:00');
INSERT INTO "_sqlite_migrations" VALUES(25,'spotify intents','m001_intents_that_wait','2026-12-01 05:01:41.751831+00:00');
INSERT INTO "_sqlite_migrations" VALUES(26,'spotify intents','m002_when_a_creation_began','2026-12-01 05:01:41.752335+00:00');
INSERT INTO "_sqlite_migrations" VALUES(27,'spotify intents','m003_new_playlists','2026-12-01 05:01:41.752996+00:00');
INSERT INTO "_sqlite_migrations" VALUES(28,'notices','m001_notices','2026-12-01 05:01:41.754199+00:00');
INSERT INTO "_sqlite_migrations" VALUES(29,'forgotten','m001_forgotten','2026-12-01 05:01:41.755319+00:00');
CREATE TABLE "answers" (
   "reading_id" INTEGER PRIMARY KEY,
   "user_id" INTEGER NOT NULL,
   "message_id" INTEGER NOT NULL
) STRICT;
INSERT INTO "answers" VALUES(1,1,2);
CREATE TABLE check_ins (
            id integer primary key autoincrement,
            user_id integer not null,
            minute integer not null check (minute between 0 and 1439),
            days text not null,
            next_utc text,
            due_utc text,
            tries integer not null default 0,
            unique (user_id, minute)
        ) strict
        ;
INSERT INTO "check_ins" VALUES(1,1,510,'01234','2026-11-23T07:30:00+00:00',NULL,0);
CREATE TABLE forgotten (
            id integer primary key,
            sealed text not null,
            forgotten_utc text not null
        ) strict
        ;
CREATE TABLE gone_tracks (track_id text primary key, seen_utc text not null) strict, without rowid;
CREATE TABLE "inbox" (
   "update_id" INTEGER PRIMARY KEY,
   "user_id" INTEGER,
   "payload" TEXT,
   "received_utc" TEXT NOT NULL,
   "tries" INTEGER NOT NULL,
   "handled_utc" TEXT
, begun integer not null default 0, done text) STRICT;
CREATE TABLE mood_shifts (
            reading_id integer primary key references readings (id) on delete cascade,
            shift text not null,
            answers integer not null check (answers > 0)
        ) strict
        ;
CREATE TABLE moods_after (
            playlist_id integer primary key references playlists (id) on delete cascade,
            emotion text not null,
            felt_utc text not null
        ) strict
        ;
INSERT INTO "moods_after" VALUES(1,'happy','2026-11-20T12:00:00+00:00');
CREATE TABLE "people" (
   "user_id" INTEGER PRIMARY KEY,
   "consent_version" INTEGER,
   "consented_utc" TEXT,
   "waiting" TEXT
) STRICT;
INSERT INTO "people" VALUES(1,2,'2026-11-20T12:00:00+00:00',NULL);
CREATE TABLE playlists (
            id integer primary key autoincrement,
            user_id integer not null,
            reading_id integer references readings (id) on delete cascade,
            emotion text not null,
            mode text not null,
            stars integer check (stars between 1 and 5),
            rated_utc text,
            created_utc text not null
        , relaxed text) strict
        ;
INSERT INTO "playlists" VALUES(1,1,1,'happy','match',4,'2026-11-20T12:00:00+00:00','2026-11-20T12:00:00+00:00','[]');
INSERT INTO "playlists" VALUES(2,1,NULL,'sad','match',NULL,NULL,'2026-11-20T12:00:00+00:00','[]');
CREATE TABLE pools (
            id integer primary key autoincrement,
            prior text not null,
            created_utc text not null
        ) strict
        ;
CREATE TABLE preferences (
            user_id integer primary key,
            length integer not null,
            mode text not null,
            allows_explicit integer not null check (allows_explicit in (0, 1)),
            first_year integer,
            last_year integer,
            banned_artists text not null,
            banned_genres text not null,
            favourite_artists text not null,
            favourite_genres text not null,
            changed_utc text not null
        , keeps_playlists integer not null default 0 check (keeps_playlists in (0, 1))) strict
        ;
INSERT INTO "preferences" VALUES(1,10,'match',1,NULL,NULL,'[]','[]','[]','[]','2026-11-20T12:00:00+00:00',0);
CREATE TABLE questions (
            user_id integer primary key,
            about text not null,
            message_id integer not null,
            asked_utc text not null
        ) strict
        ;
INSERT INTO "questions" VALUES(1,'years',77,'2026-11-20T12:00:00+00:00');
CREATE TABLE readings (
            id integer primary key autoincrement,
            user_id integer not null,
            probabilities text not null,
            eyes_found text not null,
            corrected text,
            created_utc text not null
        , evidence text) strict
        ;
INSERT INTO "readings" VALUES(1,1,'{"angry": 0.04666666666666667, "disgust": 0.04666666666666667, "fear": 0.04666666666666667, "happy": 0.72, "sad": 0.04666666666666667, "surprise": 0.04666666666666667, "neutral": 0.04666666666666667}','haar','happy','2026-11-20T12:00:00+00:00',NULL);
CREATE TABLE "set_aside" (
   "id" INTEGER PRIMARY KEY,
   "user_id" INTEGER,
   "reason" TEXT NOT NULL,
   "payload" TEXT,
   "set_aside_utc" TEXT NOT NULL
) STRICT;
CREATE TABLE shift_resets (
            user_id integer primary key,
            last_reading_id integer not null
        ) strict
        ;
CREATE TABLE shown (
            playlist_id integer not null references playlists (id) on delete cascade,
            position integer not null,
            track_id text not null,
            title text not null,
            artist text not null,
            genre text not null,
            url text not null,
            invented integer not null,
            features text not null,
            target text not null,
            score real not null,
            propensity real not null,
            policy text not null,
            reason text not null,
            liked integer check (liked in (0, 1)),
            voted_utc text, distance real not null default 0.0, misfit real not null default 0.0, popularity real not null default 0.5,
            primary key (playlist_id, position)
        ) strict, without rowid
        ;
INSERT INTO "shown" VALUES(1,0,'iOZV6xWSCyaBLpTgWd7UPJ','Mabel''s Valley','Gentle Sparks','garage rock','https://open.spotify.com/track/iOZV6xWSCyaBLpTgWd7UPJ',1,'{"valence": 0.674, "energy": 0.809, "tempo_bpm": 118.2, "acousticness": 0.043, "danceability": 0.615, "mode": 1.0, "loudness_db": -6.91}','{"valence": 0.7494666666666667, "energy": 0.7334}',4.18297857207575896065e-01,8.28868837707093852884e-01,'taste-3 usual','bright and energetic, in a major key',1,'2026-11-20T12:00:00+00:00',1.68357029557228088378e-01,1.21209926903247833251e-01,0.5);
INSERT INTO "shown" VALUES(1,1,'Ck4b9qaO2ZmDVi3agjzOIj','Velvet Atlas','Quincy Nakasone','garage rock','https://open.spotify.com/track/Ck4b9qaO2ZmDVi3agjzOIj',1,'{"valence": 0.67, "energy": 0.801, "tempo_bpm": 115.9, "acousticness": 0.181, "danceability": 0.606, "mode": 1.0, "loudness_db": -6.48}','{"valence": 0.7494666666666667, "energy": 0.7334}',3.53698967211449666336e-01,1.44866427634563921245e-01,'taste-3 usual','cheerful and full of drive, as lively as asked',0,'2026-11-20T12:00:00+00:00',3.82578730583190917968e-01,1.44107505679130554199e-01,0.5);
INSERT INTO "shown" VALUES(1,2,'wQhSZQ2y0skNgADhQOkShm','Somewhere Near Tinkersford','Delia Larkspur','disco','https://open.spotify.com/track/wQhSZQ2y0skNgADhQOkShm',1,'{"valence": 0.677, "energy": 0.814, "tempo_bpm": 132.2, "acousticness": 0.031, "danceability": 0.76, "mode": 1.0, "loudness_db": -7.62}','{"valence": 0.7494666666666667, "energy": 0.7334}',1.82852247415847379841e-01,6.87624306005059859892e-01,'taste-3 usual','upbeat and strong, in a major key',NULL,NULL,2.72069454193115234375e-01,1.6021779179573059082e-01,0.5);
INSERT INTO "shown" VALUES(1,3,'KmVoRWYDD5OYN6AOeN09fN','Modest Elevator','Mirela & the Neon','synthwave','https://open.spotify.com/track/KmVoRWYDD5OYN6AOeN09fN',1,'{"valence": 0.693, "energy": 0.81, "tempo_bpm": 132.5, "acousticness": 0.021, "danceability": 0.63, "mode": 1.0, "loudness_db": -6.47}','{"valence": 0.7494666666666667, "energy": 0.7334}',2.03567595725711592002e-01,8.99795397385785511445e-01,'taste-3 usual','bright and energetic, as bright as you asked',NULL,NULL,4.43276435136795043945e-01,1.45170733332633972167e-01,0.5);
INSERT INTO "shown" VALUES(1,4,'EbEB9HhleaPELryOaL90OM','Ines''s Orchard','Priya Montrose','hip hop','https://open.spotify.com/track/EbEB9HhleaPELryOaL90OM',1,'{"valence": 0.68, "energy": 0.806, "tempo_bpm": 197.3, "acousticness": 0.022, "danceability": 0.652, "mode": 1.0, "loudness_db": -4.24}','{"valence": 0.7494666666666667, "energy": 0.7334}',-0.0614859120563912,9.440474360729521619e-01,'taste-3 usual','cheerful and full of drive, right on the mood',NULL,NULL,8.77786129713058471679e-02,2.21375390887260437011e-01,0.5);
INSERT INTO "shown" VALUES(1,5,'QXUeh1WSDNqVB8hIjX2s2k','Tender Balcony','Inland Furnace','post-metal','https://open.spotify.com/track/QXUeh1WSDNqVB8hIjX2s2k',1,'{"valence": 0.656, "energy": 0.813, "tempo_bpm": 170.8, "acousticness": 0.027, "danceability": 0.62, "mode": 1.0, "loudness_db": -5.38}','{"valence": 0.7494666666666667, "energy": 0.7334}',-1.2358316222297593967e-01,0.640468370175766,'taste-3 usual','upbeat and strong, as lively as asked',NULL,NULL,0.715724527835846,2.03795611858367919921e-01,0.5);
INSERT INTO "shown" VALUES(1,6,'ecfSt5eXxOmlU9CPdK91CM','Summer Weather','Tender Neon','synthwave','https://open.spotify.com/track/ecfSt5eXxOmlU9CPdK91CM',1,'{"valence": 0.658, "energy": 0.831, "tempo_bpm": 143.2, "acousticness": 0.091, "danceability": 0.64, "mode": 1.0, "loudness_db": -5.41}','{"valence": 0.7494666666666667, "energy": 0.7334}',4.66031865271077649914e-02,5.92679838068068343126e-01,'taste-3 usual','bright and energetic, fast at 143 beats a minute',NULL,NULL,1.05746579170227050781e+00,1.0921824723482131958e-01,0.5);
INSERT INTO "shown" VALUES(1,7,'dvpVnAqokeztXRZXTaXU7G','The Staircase and the Bicycle','Saltmarsh Engines','garage rock','https://open.spotify.com/track/dvpVnAqokeztXRZXTaXU7G',1,'{"valence": 0.672, "energy": 0.819, "tempo_bpm": 162.1, "acousticness": 0.227, "danceability": 0.466, "mode": 1.0, "loudness_db": -3.75}','{"valence": 0.7494666666666667, "energy": 0.7334}',-1.61567679222981264164e-01,1.73511075759702121379e-01,'taste-3 usual','cheerful and full of drive, as lively as asked',NULL,NULL,4.97917354106903076171e-01,2.84998089075088500976e-01,0.5);
INSERT INTO "shown" VALUES(1,8,'mvHfpkTCIjLsOQ8OMSqMzM','Postcards from Violetta','Gentle Sparks','garage rock','https://open.spotify.com/track/mvHfpkTCIjLsOQ8OMSqMzM',1,'{"valence": 0.699, "energy": 0.829, "tempo_bpm": 113.1, "acousticness": 0.268, "danceability": 0.637, "mode": 0.0, "loudness_db": -7.12}','{"valence": 0.7494666666666667, "energy": 0.7334}',-8.40494241158807886549e-02,3.58921294944642074731e-02,'taste-3 usual','upbeat and strong',NULL,NULL,1.01200902462005615234e+00,2.29171037673950195312e-01,0.5);
INSERT INTO "shown" VALUES(1,9,'HblboblVjwTqaqfbF2maLA','Pavement Weather','Jonah Yarborough','soul','https://open.spotify.com/track/HblboblVjwTqaqfbF2maLA',1,'{"valence": 0.692, "energy": 0.838, "tempo_bpm": 127.3, "acousticness": 0.236, "danceability": 0.756, "mode": 1.0, "loudness_db": -6.76}','{"valence": 0.7494666666666667, "energy": 0.7334}',-2.06119110450627474051e-01,5.61736161029321334758e-01,'taste-3 usual','bright and energetic, easy to dance to',NULL,NULL,1.22240221500396728515e+00,1.60482451319694519042e-01,0.5);
INSERT INTO "shown" VALUES(2,0,'1cR7gcNCvgRmvhoDCV69Q5','Somewhere Near Fernhill','Ada Penhallow','dream pop','https://open.spotify.com/track/1cR7gcNCvgRmvhoDCV69Q5',1,'{"valence": 0.281, "energy": 0.557, "tempo_bpm": 113.7, "acousticness": 0.259, "danceability": 0.521, "mode": 0.0, "loudness_db": -6.83}','{"valence": 0.19, "energy": 0.37}',9.7595913007660151095e-01,5.04922274858014441534e-01,'taste-3 usual','wistful with some drive, in a minor key',NULL,NULL,0.550961971282959,1.0030059516429901123e-01,0.5);
INSERT INTO "shown" VALUES(2,1,'Vknezsm91vDVqkxKuapc18','No Ticket Tonight','The Early Maps','hip hop','https://open.spotify.com/track/Vknezsm91vDVqkxKuapc18',1,'{"valence": 0.302, "energy": 0.549, "tempo_bpm": 130.6, "acousticness": 0.225, "danceability": 0.624, "mode": 0.0, "loudness_db": -10.02}','{"valence": 0.19, "energy": 0.37}',9.73044519458329593142e-01,9.05677772553567295155e-01,'taste-3 usual','melancholy but moving, in a minor key',NULL,NULL,6.30751252174377441406e-01,1.52126610279083251953e-01,0.5);
INSERT INTO "shown" VALUES(2,2,'CEsscN5leNCjPQpVlXNEFV','Somewhere Near Westering','Delia Bellamar','soul','https://open.spotify.com/track/CEsscN5leNCjPQpVlXNEFV',1,'{"valence": 0.288, "energy": 0.57, "tempo_bpm": 132.2, "acousticness": 0.064, "danceability": 0.648, "mode": 1.0, "loudness_db": -9.2}','{"valence": 0.19, "energy": 0.37}',0.775357497454721,4.99473765137094405375e-01,'taste-3 usual','serious, not heavy, just the energy you asked for',NULL,NULL,2.25000128149986267089e-01,2.41483449935913085937e-01,0.5);
INSERT INTO "shown" VALUES(2,3,'NTf6a58jNtpKte2udoXvf0','Parachute Weather','Nadim Jessamy','indie folk','https://open.spotify.com/track/NTf6a58jNtpKte2udoXvf0',1,'{"valence": 0.292, "energy": 0.555, "tempo_bpm": 113.9, "acousticness": 0.138, "danceability": 0.718, "mode": 0.0, "loudness_db": -9.38}','{"valence": 0.19, "energy": 0.37}',7.98014754971006712302e-01,8.00162654186214239437e-01,'taste-3 usual','wistful with some drive, just the energy you asked for',NULL,NULL,5.03494441509246826171e-01,1.75678670406341552734e-01,0.5);
INSERT INTO "shown" VALUES(2,4,'sCHYZptGeZlKgaTFpeU2sK','Call Me to Fernhill','The Lucky Hours','ambient','https://open.spotify.com/track/sCHYZptGeZlKgaTFpeU2sK',1,'{"valence": 0.318, "energy": 0.525, "tempo_bpm": 116.7, "acousticness": 0.235, "danceability": 0.581, "mode": 0.0, "loudness_db": -8.32}','{"valence": 0.19, "energy": 0.37}',7.49689570672361860204e-01,5.48935940615824735644e-01,'taste-3 usual','soft and melancholy, in a minor key',NULL,NULL,1.34369015693664550781e+00,7.11419880390167236328e-02,0.5);
INSERT INTO "shown" VALUES(2,5,'1tPAHuxgb1EDJBnVLEbeRl','Zora''s Street','Hana & the Collective','hip hop','https://open.spotify.com/track/1tPAHuxgb1EDJBnVLEbeRl',1,'{"valence": 0.306, "energy": 0.59, "tempo_bpm": 120.9, "acousticness": 0.094, "danceability": 0.703, "mode": 0.0, "loudness_db": -7.56}','{"valence": 0.19, "energy": 0.37}',8.33631715115125571102e-01,9.58862510675936641213e-01,'taste-3 usual','serious, not heavy, just the energy you asked for',NULL,NULL,0.565961480140686,1.873226165771484375e-01,0.5);
INSERT INTO "shown" VALUES(2,6,'MYuDoZYCeg99H7n0dpsQk0','The Comet and the Echo','Nadim & the Haze','dream pop','https://open.spotify.com/track/MYuDoZYCeg99H7n0dpsQk0',1,'{"valence": 0.276, "energy": 0.556, "tempo_bpm": 156.1, "acousticness": 0.177, "danceability": 0.752, "mode": 0.0, "loudness_db": -7.01}','{"valence": 0.19, "energy": 0.37}',5.39451090780103781341e-01,1.26150750675673190004e-01,'taste-3 usual','wistful with some drive, at a quick tempo, as you like it',NULL,NULL,6.42720758914947509765e-01,3.01916390657424926757e-01,0.5);
INSERT INTO "shown" VALUES(2,7,'WEQLohDqgPgm3ekmzCL22a','Yusuf''s Garden','Hazelwick Observatory','ambient','https://open.spotify.com/track/WEQLohDqgPgm3ekmzCL22a',1,'{"valence": 0.285, "energy": 0.584, "tempo_bpm": 125.7, "acousticness": 0.107, "danceability": 0.363, "mode": 0.0, "loudness_db": -8.74}','{"valence": 0.19, "energy": 0.37}',6.30516543053696643106e-01,0.672153152148396,'taste-3 usual','melancholy but moving, just the energy you asked for',NULL,NULL,4.51559901237487792968e-01,2.03311905264854431152e-01,0.5);
INSERT INTO "shown" VALUES(2,8,'JupDAO72JOIwXdcHfJNbli','No Balcony Tonight','Slow Tides','ambient','https://open.spotify.com/track/JupDAO72JOIwXdcHfJNbli',1,'{"valence": 0.322, "energy": 0.555, "tempo_bpm": 138.1, "acousticness": 0.069, "danceability": 0.541, "mode": 0.0, "loudness_db": -8.28}','{"valence": 0.19, "energy": 0.37}',6.38883017537994701839e-01,6.28591822126317589791e-01,'taste-3 usual','serious, not heavy, in a minor key',NULL,NULL,8.81779015064239501953e-01,2.21743941307067871093e-01,0.5);
INSERT INTO "shown" VALUES(2,9,'b7eWMo8NXu9DcgnTzYaAH0','Somewhere Near Westering','Quillhaven Wolves','garage rock','https://open.spotify.com/track/b7eWMo8NXu9DcgnTzYaAH0',1,'{"valence": 0.284, "energy": 0.555, "tempo_bpm": 141.7, "acousticness": 0.024, "danceability": 0.619, "mode": 0.0, "loudness_db": -5.68}','{"valence": 0.19, "energy": 0.37}',3.97246185001362439592e-01,2.55665792605271890991e-01,'taste-3 usual','wistful with some drive, just the energy you asked for',NULL,NULL,5.92853665351867675781e-01,3.18785130977630615234e-01,0.5);
CREATE TABLE shown_messages (
            user_id integer not null,
            message_id integer not null,
            playlist_id integer not null,
            position integer, told text, url text, -- null where the whole playlist is shown
            primary key (user_id, message_id)
        ) strict, without rowid
        ;
INSERT INTO "shown_messages" VALUES(1,2,1,NULL,'standing','http://127.0.0.1:40801/spotify/playlist/TJgFIv7lVF16XF2xqYiShT');
INSERT INTO "shown_messages" VALUES(1,8,1,1,NULL,NULL);
INSERT INTO "shown_messages" VALUES(1,9,2,NULL,'waiting',NULL);
CREATE TABLE "spotify_accounts" (
   "user_id" INTEGER PRIMARY KEY,
   "account_id" TEXT NOT NULL,
   "display_name" TEXT NOT NULL,
   "tokens_encrypted" TEXT,
   "authorized_utc" TEXT NOT NULL,
   "playlist_id" TEXT,
   "playlist_created_utc" TEXT
) STRICT;
INSERT INTO "spotify_accounts" VALUES(1,'O9cUC6PPHy7HTebjg14VL9','Robin','gAAAAABrDlS2QpHeyeSopDjdglzlzezTLCaRNp3XomihpgMy1kxF3yWE-rgMPGbERFg5LaoSu4qIkzDofaaOj83iXSMJePyMdkj1Ad7q3N6gQVJ3WSCOVHAybvSn2pEc0iNnULz_U-wGwYPOyUQ44GXHNhYu2_YXfoN2-It5C5ngcStJR35Ws-rskPK4JJnkIIDAUM4uj4isbtc3Qo12msxeetEfmv0lQHgr9txBgHoHlvZUjADnx_P_TlRHHWnWSeu8hrDbiHEZ_xRMy-ERYogSK_9heNt5Tvav46oZQpDXBGmNcrUEoDzw_sNQ8_wJP55I8ETGQr4YapLoMZpDc4F_4LUxDuVmJswVxE50y6qxDf-Z5CwGaLC6INGk9oWzotBEKftso2aCSe3OfkJ3-yurTYn1DJM_Intz4feG1t9iP1p-SHo6W8P1mlBJiYHjX7odKLj7ujY6cAKUg6dnrbwirVmXdivZgdj4670LtV-453zmKtp_lUEMqhGQeeEOFbuyOk9pDAs87bCQbwmoU4av8IapLO1N8r6KdjLCVYvmZlm5Gq_K1Z9fZVeibYL6OgL9J-Ac6GmR7WMNEIimCCR09w8MGZmD56N8Ue1X_tGXA2r-kD8Ot0zhYx5V2jbmobNiKFzkse_n1S7758DfPPLa5Lfj6wWCf8SZhTIynTRKHebDT_CPRd8=','2026-11-20T12:00:00+00:00','TJgFIv7lVF16XF2xqYiShT','2026-11-20T12:00:00+00:00');
CREATE TABLE "spotify_apps" (
   "user_id" INTEGER PRIMARY KEY,
   "client_id" TEXT NOT NULL
) STRICT;
CREATE TABLE "spotify_arrivals" (
   "user_id" INTEGER PRIMARY KEY,
   "sealed" TEXT NOT NULL,
   "digits_hmac" TEXT NOT NULL,
   "tries_left" INTEGER NOT NULL,
   "created_utc" TEXT NOT NULL
) STRICT;
CREATE TABLE "spotify_cooldowns" (
   "client_id" TEXT PRIMARY KEY,
   "until_utc" TEXT NOT NULL
) STRICT;
INSERT INTO "spotify_cooldowns" VALUES('','2026-11-20T14:00:00+00:00');
CREATE TABLE "spotify_intents" (
   "user_id" INTEGER PRIMARY KEY,
   "name" TEXT NOT NULL,
   "description" TEXT NOT NULL,
   "uris" TEXT NOT NULL,
   "marker" TEXT,
   "created_utc" TEXT NOT NULL
, saved_id integer, shown_in integer, tries integer not null default 0, try_after_utc text, marked_utc text, starts_new integer not null default 0, begun integer not null default 0) STRICT;
INSERT INTO "spotify_intents" VALUES(1,'Mirrortape: sad · match','Made by Mirrortape on 20 November 2026, feeling sad: music that fits this mood.','["spotify:track:1cR7gcNCvgRmvhoDCV69Q5", "spotify:track:Vknezsm91vDVqkxKuapc18", "spotify:track:CEsscN5leNCjPQpVlXNEFV", "spotify:track:NTf6a58jNtpKte2udoXvf0", "spotify:track:sCHYZptGeZlKgaTFpeU2sK", "spotify:track:1tPAHuxgb1EDJBnVLEbeRl", "spotify:track:MYuDoZYCeg99H7n0dpsQk0", "spotify:track:WEQLohDqgPgm3ekmzCL22a", "spotify:track:JupDAO72JOIwXdcHfJNbli", "spotify:track:b7eWMo8NXu9DcgnTzYaAH0"]',NULL,'2026-11-20T12:00:00+00:00',2,9,0,'2026-11-20T14:00:00+00:00',NULL,0,1);
CREATE TABLE spotify_notices (
            user_id integer not null,
            kind text not null check (kind in ('ending', 'ended')),
            authorized_utc text not null, -- which consent it is about
            told_utc text, -- null while it is due
            primary key (user_id, kind)
        ) strict
        ;
CREATE TABLE "spotify_ways" (
   "state_sha256" TEXT PRIMARY KEY,
   "user_id" INTEGER NOT NULL,
   "sealed" TEXT NOT NULL,
   "created_utc" TEXT NOT NULL
) STRICT;
CREATE TABLE standing (
            url text primary key,
            playlist_id integer not null references playlists (id) on delete cascade
        ) strict, without rowid
        ;
INSERT INTO "standing" VALUES('http://127.0.0.1:40801/spotify/playlist/TJgFIv7lVF16XF2xqYiShT',1);
CREATE TABLE written (
            playlist_id integer primary key references playlists (id) on delete cascade
        ) strict
        ;
INSERT INTO "written" VALUES(1);
CREATE TABLE zones (
            user_id integer primary key,
            zone text,
            asked_utc text
        ) strict
        ;
INSERT INTO "zones" VALUES(1,'Europe/Berlin',NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX "idx_inbox_handled_utc"
    ON "inbox" ("handled_utc");
CREATE INDEX "idx_answers_user_id"
    ON "answers" ("user_id");
CREATE INDEX "idx_set_aside_user_id"
    ON "set_aside" ("user_id");
CREATE INDEX check_ins_next on check_ins (next_utc);
CREATE INDEX check_ins_due on check_ins (due_utc) where due_utc is not null;
CREATE INDEX readings_of_user on readings (user_id);
CREATE INDEX playlists_of_user on playlists (user_id, created_utc);
CREATE INDEX playlists_of_reading on playlists (reading_id);
CREATE INDEX standing_of_playlist on standing (playlist_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('readings',1);
INSERT INTO "sqlite_sequence" VALUES('playlists',2);
INSERT INTO "sqlite_sequence" VALUES('check_ins',2);
COMMIT;
