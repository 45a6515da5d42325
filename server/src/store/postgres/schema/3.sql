-- Nodes that follow the store learn of a new direct conversation too, before anything is said in it.
CREATE OR REPLACE FUNCTION open_direct(p_user bigint, p_peer bigint, p_at bigint, OUT id bigint, OUT fresh boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_position bigint := next_position();
    v_low bigint := least(p_user, p_peer);
    v_high bigint := greatest(p_user, p_peer);
BEGIN
    SELECT p.conversation, false INTO id, fresh FROM direct_pairs p WHERE p.low = v_low AND p.high = v_high;
    IF id IS NOT NULL THEN
        RETURN;
    END IF;
    INSERT INTO conversations AS c (kind, created, changed, touched)
    VALUES ('direct', p_at, v_position, v_position) RETURNING c.id INTO id;
    INSERT INTO direct_pairs (low, high, conversation) VALUES (v_low, v_high, id);
    PERFORM join_members(id, ARRAY[v_low, v_high], 1);
    INSERT INTO commits (position, conversations) VALUES (v_position, ARRAY[id]);
    fresh := true;
END $$;
